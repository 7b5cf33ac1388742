"""What is agreed: contracts as they are set up, their facts, days, scopes, duties and plans."""
