"""Trade secrets: what of a part of the report the supplier says is one, and why. It is signed with the report."""

from collections.abc import Collection
from typing import NamedTuple

from portal.errors import Invalid
from portal.kinds import Kind, Problem
from portal.kinds.secrecy import may_be_secret
from portal.model import Answer, Membership, Report, ReportState, Revision, record
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.text import Text

FILES = "files"
"""Stands for the files of a part, beside the keys of its fields: no field has this key."""
LONGEST = 1000
NAME_OF_FILES = Text("filene", "the files")

SAY_WHY = Text(
    "Skriv hvorfor det er en forretningshemmelighet, for eksempel: Konkurrenter kan regne ut prisene våre av dette.",
    "Write why it is a trade secret, for example: Competitors could work out our prices from this.",
)
TOO_LONG = Text("Grunnen kan være høyst {most} tegn.", "The reason can have at most {most} characters.")
OPEN_TO_ALL = Text(
    "Noe av det du valgte, kan ikke være en forretningshemmelighet. Velg på nytt.",
    "Some of what you chose cannot be a trade secret. Choose again.",
)


class LastTime(NamedTuple):
    """What was marked in a part for the period before, and is not marked in this one."""

    period: Text
    fields: list[str]
    """Keys of what can be marked again; as `Section.secrets` has them."""
    gone: list[Text]
    """The names of what can be marked no longer."""
    reason: str


def last_time(report: Report, kind_key: str, before: Revision | None) -> LastTime | None:
    """What the supplier marked in this part the last time; None once it has marks of its own, or cannot have any.

    Args:
        report: the report that is being filled in, or that waits for its signature.
        kind_key: the part's kind.
        before: what was signed for the period before (`drafts.previous_revision`).
    """
    marked = before.secrets.get(kind_key) if before else None
    section = report.section(kind_key)
    is_unsigned = report.is_editable or report.state == ReportState.TO_SIGN
    if not before or not marked or section.secrets or section.answer == Answer.NOTHING or not is_unsigned:
        return None
    allowed = _may_be_marked(report, kind_key)
    then = contracts.kind_of(before.report, kind_key)
    gone = [name_of(then, key) for key in marked["fields"] if key not in allowed]
    return LastTime(
        before.report.period.name, [key for key in allowed if key in marked["fields"]], gone, marked["reason"]
    )


def mark_again(report: Report, kind_key: str, *, by: Membership) -> LastTime | None:
    """Mark what was marked for the period before, for the same reason; None when there is nothing to mark again.

    Raises as `mark` does.
    """
    drafts.open_section(report, kind_key, by)
    found = last_time(report, kind_key, drafts.previous_revision(report))
    if found is None or not found.fields:
        return None
    mark(report, kind_key, found.fields, found.reason, by=by)
    return found


def name_of(kind: Kind, key: str) -> Text:
    """What can be marked, by its name."""
    return NAME_OF_FILES if key == FILES else kind.column(key).label


def _may_be_marked(report: Report, kind_key: str) -> list[str]:
    return [*(field.key for field in may_be_secret(contracts.kind_of(report, kind_key))), FILES]


def mark(report: Report, kind_key: str, chosen: Collection[str], reason: str, *, by: Membership) -> None:
    """Mark these fields of a part, and no others, as trade secrets; nothing chosen takes the mark away.

    Raises:
        NotFound: the report has no such part.
        Refused: the part is not open for change.
        Invalid: something cannot be a trade secret, or the reason is missing or too long.
    """
    section = drafts.open_section(report, kind_key, by)
    allowed = _may_be_marked(report, kind_key)
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
