"""Everything the portal can be asked to do. Doors commit; nothing here does."""
