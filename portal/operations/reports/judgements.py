"""The buyer's words on marks, held against what the trail wrote down when they were given."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, lazyload

from portal.errors import Refused
from portal.extensions import db
from portal.model import AuditEvent, Report, Revision, Ruling, RulingState
from portal.operations.batches import AT_ONCE, read_in_batches
from portal.operations.reports.signatures import UNREADABLE, Unlike
from portal.text import Text

OTHER_WORD = "the word on a mark is not what the trail wrote down when it was given"
NOT_IN_TRAIL = "the trail knows of no word on this mark"
GONE = "the word on a mark is gone, and the trail knows of it"

NOT_AS_GIVEN = Text(
    "Vurderingen av et merke i rapporten for {period}, revisjon {number}, er ikke lenger slik den ble gitt. Ingenting "
    "ble tatt ut. Noen kan ha endret i databasen: si fra til dem som drifter portalen.",
    "The word on a mark in the report for {period}, revision {number}, is no longer what it was when it was given. "
    "Nothing was taken out. Somebody may have changed the database: tell those who run the portal.",
)

_STATE = dict.fromkeys(("ruling.told", "ruling.untold"), str(RulingState.LIFTED))
"""Action -> the state that the word was in after it, where its name does not say so."""

Known = Mapping[str, AuditEvent]
"""Public id of a ruling -> the newest entry about it."""


def unlike_given() -> Iterator[Unlike]:
    """Every word on a mark that is not what was given, and those that are gone. Nothing comes when all are there."""
    numbers = db.session.scalars(select(Ruling.id).order_by(Ruling.id)).all()
    yield from read_in_batches(numbers, _unlike, lambda number: [Unlike(f"ruling {number}", UNREADABLE)])
    there = {str(public_id) for public_id in db.session.scalars(select(Ruling.public_id))}
    told = select(AuditEvent.subject_id).where(AuditEvent.subject == Ruling.__tablename__).distinct()
    for public_id in sorted(set(db.session.scalars(told)) - there):
        yield Unlike(f"ruling {public_id}", GONE)


def demand_as_given(found: Sequence[Ruling]) -> None:
    """Refuse, naming the report, where the word on a mark is not what was given."""
    known = _known_to_the_trail(found)
    for ruling in found:
        if _fault(ruling, known):
            period = ruling.revision.report.period.name
            raise Refused(NOT_AS_GIVEN.with_values(period=period, number=ruling.revision.number))


def _unlike(numbers: Sequence[int]) -> Iterator[Unlike]:
    """Of these words. Raises ValueError where one cannot be read: a moment that is none, a state that there is not."""
    asked = (
        select(Ruling)
        .where(Ruling.id.in_(numbers))
        .order_by(Ruling.id)
        .options(lazyload("*"), joinedload(Ruling.revision).joinedload(Revision.report).joinedload(Report.period))
    )
    found = db.session.scalars(asked.execution_options(populate_existing=True)).unique().all()
    known = _known_to_the_trail(found)
    for ruling in found:
        if why := _fault(ruling, known):
            yield Unlike(f"ruling {ruling.public_id}", why)


def _fault(ruling: Ruling, known: Known) -> str:
    """How it shows that a word is not what was given; empty when it is."""
    entry = known.get(str(ruling.public_id))
    if entry is None:
        return NOT_IN_TRAIL
    facts = entry.facts if isinstance(entry.facts, dict) else {}
    report = str(ruling.revision.report.public_id)
    held = {
        "state": str(ruling.state),
        "contract": ruling.contract_id,
        "report": report,
        "revision": ruling.revision.number,
        "kind": ruling.kind,
        "field": ruling.field,
        "from": ruling.takes_effect_at,
    }
    written = {
        "state": _STATE.get(entry.action, entry.action.removeprefix("ruling.")),
        "contract": entry.contract_id,
        "report": facts.get("report", report),  # entries from before November 2026 name none
        "from": _moment(facts.get("from")),
        **{name: facts.get(name) for name in ("revision", "kind", "field")},
    }
    return "" if held == written and entry.hash == entry.computed_hash() else OTHER_WORD


def _moment(written: Any) -> datetime | str | None:
    """A moment as the trail has it; the words themselves when they are none."""
    try:
        return datetime.fromisoformat(written) if written is not None else None
    except (TypeError, ValueError):
        return repr(written)


def _known_to_the_trail(found: Sequence[Ruling]) -> Known:
    known: dict[str, AuditEvent] = {}
    ids = sorted(str(ruling.public_id) for ruling in found)
    for first in range(0, len(ids), AT_ONCE):
        asked = (
            select(AuditEvent)
            .where(AuditEvent.subject == Ruling.__tablename__, AuditEvent.subject_id.in_(ids[first : first + AT_ONCE]))
            .order_by(AuditEvent.sequence)  # not by its number, of which no hash tells
            .execution_options(populate_existing=True)
        )
        known |= {entry.subject_id: entry for entry in db.session.scalars(asked)}
    return known
