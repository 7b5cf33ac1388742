"""The door of programs: what their organisation sees, as JSON, read only."""
