"""Those who use the portal: how they come in, for whom they act, and how they leave."""
