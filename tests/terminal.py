"""The `portal` command as an operator types it, in this process, on an installation of one's own."""

from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from portal.cli import commands

VARIABLES = (
    "DATABASE_URL",
    "KLIMAKONTRAKT_ANCHORS_TO",
    "KLIMAKONTRAKT_BASE_URL",
    "KLIMAKONTRAKT_COSTLY_PER_MINUTE",
    "KLIMAKONTRAKT_FILES_URL",
    "KLIMAKONTRAKT_INSTANCE",
    "KLIMAKONTRAKT_LOG",
    "KLIMAKONTRAKT_MAIL_SENDER",
    "KLIMAKONTRAKT_MAIL_URL",
    "KLIMAKONTRAKT_METRICS",
    "KLIMAKONTRAKT_OUTGOING_ALLOWED",
    "KLIMAKONTRAKT_PROVIDERS",
    "KLIMAKONTRAKT_PROXIES",
    "KLIMAKONTRAKT_SCANNER_URL",
    "KLIMAKONTRAKT_SECRET_KEY",
    "KLIMAKONTRAKT_SECRET_KEY_FALLBACKS",
    "KLIMAKONTRAKT_SECURITY_CONTACT",
    "KLIMAKONTRAKT_TIME_ZONE",
)


class Terminal:
    """Somebody at a terminal, with the environment of one installation."""

    def __init__(self, instance: Path, **environment: str) -> None:
        self.environment: Mapping[str, str] = {"KLIMAKONTRAKT_INSTANCE": str(instance), **environment}

    def run(self, *words: str, typed: str = "", **environment: str) -> Result:
        """Run `portal` with these words. What is not said in words but by a traceback fails the test."""
        told = {**dict.fromkeys(VARIABLES), **self.environment, **environment}
        return CliRunner(env=told).invoke(commands, words, input=typed, prog_name="portal", catch_exceptions=False)

    def refused(self, *words: str, typed: str = "", **environment: str) -> str:
        """What `portal` says when it does not do what these words ask for: one line, and it ends with 1."""
        result = self.run(*words, typed=typed, **environment)
        assert result.exit_code == 1, result.output
        [line] = result.output.splitlines()
        return line
