"""What was looked at in an installation, and how it stands."""

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How a finding stands. A warning is for a person to judge; a fault keeps the installation from being fit."""

    FINE = "fine"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """What was looked at and how it stands, in words for the one who runs the portal."""

    standing: Standing
    subject: str
    words: str

    def __str__(self) -> str:
        return f"{self.standing:<8} {self.subject}: {self.words}"


def fine(subject: str, words: str) -> Finding:
    """Nothing is wrong."""
    return Finding(Standing.FINE, subject, words)


def warning(subject: str, words: str) -> Finding:
    """It runs, and somebody should know this."""
    return Finding(Standing.WARNING, subject, words)


def fault(subject: str, words: str) -> Finding:
    """It must be mended first."""
    return Finding(Standing.FAULT, subject, words)
