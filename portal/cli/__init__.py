"""`portal`: the operator's door. Each command commits for itself and shows how far it has come."""

from portal.cli import checks, groups, people, privacy, programs, running, trail
from portal.cli.door import commands

__all__ = ["checks", "commands", "groups", "main", "people", "privacy", "programs", "running", "trail"]


def main() -> None:
    """The entry of the command."""
    commands()
