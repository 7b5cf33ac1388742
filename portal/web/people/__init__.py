"""Those who use the portal: signing in, one's own account, members of an organisation."""
