"""Trade secrets: what of a part of the report the supplier says is one, and why. It is signed with the report."""

from collections.abc import Collection

from portal.errors import Invalid
from portal.kinds import Problem
from portal.kinds.secrecy import may_be_secret
from portal.model import Membership, Report, record
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.text import Text

FILES = "files"
"""Stands for the files of a part, beside the keys of its fields: no field has this key."""
LONGEST = 1000

SAY_WHY = Text(
    "Skriv hvorfor det er en forretningshemmelighet, for eksempel: Konkurrenter kan regne ut prisene våre av dette.",
    "Write why it is a trade secret, for example: Competitors could work out our prices from this.",
)
TOO_LONG = Text("Grunnen kan være høyst {most} tegn.", "The reason can have at most {most} characters.")
OPEN_TO_ALL = Text(
    "Noe av det du valgte, kan ikke være en forretningshemmelighet. Velg på nytt.",
    "Some of what you chose cannot be a trade secret. Choose again.",
)


def mark(report: Report, kind_key: str, chosen: Collection[str], reason: str, *, by: Membership) -> None:
    """Mark these fields of a part, and no others, as trade secrets; nothing chosen takes the mark away.

    Raises:
        NotFound: the report has no such part.
        Refused: the part is not open for change.
        Invalid: something cannot be a trade secret, or the reason is missing or too long.
    """
    section = drafts.open_section(report, kind_key, by)
    allowed = [*(field.key for field in may_be_secret(contracts.kind_of(report, kind_key))), FILES]
    if not set(chosen) <= set(allowed):
        raise Invalid(OPEN_TO_ALL, (Problem("not_secret", OPEN_TO_ALL, "secrets"),))
    if chosen and not reason.strip():
        raise Invalid(SAY_WHY, (Problem("required", SAY_WHY, "reason"),))
    if len(reason.strip()) > LONGEST:
        words = TOO_LONG.with_values(most=LONGEST)
        raise Invalid(words, (Problem("too_long", words, "reason"),))
    fields, why = [key for key in allowed if key in chosen], reason.strip() if chosen else ""
    marked = {"fields": fields, "reason": why} if fields else {}
    if marked == section.secrets:
        return
    section.secrets = marked
    record(section, "draft.secrets_marked", by=by, reason=why, fields=fields)
    drafts.touch(report, section, by)
