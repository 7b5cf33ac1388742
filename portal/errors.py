"""What the portal refuses, each with the words that the person it stops will read."""

from portal.text import Text


class PortalError(Exception):
    """Anything the domain says no to. `text` is for the person; `str(error)` for the log."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class NotFound(PortalError):
    """The row is not there, or not there for this person."""


class Forbidden(PortalError):
    """The person may see it, yet may not do this."""


class Conflict(PortalError):
    """Somebody else was first: what the person saw is no longer so."""


class InvalidTransition(Conflict):
    """The entity or its process is not where this step starts."""


class Refused(PortalError):
    """The request was understood, and a rule says no."""


class LinkOver(Refused):
    """The link of a letter works no longer: used, too old, or followed by a newer one."""


class Invalid(PortalError):
    """One or more values are wrong; `problems` says where, which and how to mend them."""

    def __init__(self, text: Text, problems: tuple[object, ...] = ()) -> None:
        super().__init__(text)
        self.problems = problems


class Unavailable(PortalError):
    """Something outside is down: disk, mail, database, storage. Nothing was stored."""


class BadDefinition(Exception):
    """A process or decision file holds something the engine would silently get wrong. Stops the start."""

    def __init__(self, file: str, element: str, reason: str) -> None:
        super().__init__(f"{file}: {element}: {reason}")
        self.file, self.element, self.reason = file, element, reason
