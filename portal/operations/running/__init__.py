"""A contract that runs: its states, changes, machines, requirements, last day, and how it comes out."""
