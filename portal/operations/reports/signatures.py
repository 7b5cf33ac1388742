"""What was signed, held against what stands in the database now: the content, the marks, and what the trail knows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from portal.errors import Refused
from portal.extensions import db
from portal.model import AuditEvent, Report, Revision
from portal.operations.batches import AT_ONCE, read_in_batches
from portal.operations.reports import revisions
from portal.text import Text

OTHER_CONTENT = "what it says or what is marked as trade secrets in it is not what was signed"
OTHER_HASH = "its hash is not the one that the trail wrote down when it was signed"
NOT_IN_TRAIL = "the trail does not know that it was signed"
UNREADABLE = "it, or what the trail says of it, cannot be read"

NOT_AS_SIGNED = Text(
    "Rapporten for {period}, revisjon {number}, er ikke lenger slik den ble signert. Ingenting ble tatt ut. "
    "Noen kan ha endret i databasen: si fra til dem som drifter portalen.",
    "The report for {period}, revision {number}, is no longer as it was signed. Nothing was taken out. "
    "Somebody may have changed the database: tell those who run the portal.",
)


class Unlike(NamedTuple):
    """A revision that is not what was signed, and how it shows."""

    place: str
    """The report by its contract and period, with the number of the revision."""
    why: str


def unlike_signed() -> Iterator[Unlike]:
    """Every revision that is not what was signed, in the order they came. Nothing comes when all are."""
    numbers = db.session.scalars(select(Revision.id).order_by(Revision.id)).all()
    yield from read_in_batches(numbers, _unlike, lambda number: [Unlike(f"revision {number}", UNREADABLE)])


def demand_as_signed(found: Sequence[Revision]) -> None:
    """Refuse, naming the first revision that is not what was signed."""
    known = _known_to_the_trail(found)
    for revision in found:
        if _fault(revision, known):
            period = revision.report.period.name
            raise Refused(NOT_AS_SIGNED.with_values(period=period, number=revision.number))


def _unlike(numbers: Sequence[int]) -> Iterator[Unlike]:
    """Of these revisions. Raises ValueError where one cannot be read: a document that is no JSON."""
    asked = (
        select(Revision)
        .where(Revision.id.in_(numbers))
        .order_by(Revision.id)
        .options(
            selectinload(Revision.lines),
            joinedload(Revision.report).joinedload(Report.period),
            joinedload(Revision.report).joinedload(Report.contract),
        )
    )
    found = db.session.scalars(asked.execution_options(populate_existing=True)).unique().all()
    known = _known_to_the_trail(found)
    for revision in found:
        if why := _fault(revision, known):
            yield Unlike(_place(revision), why)


def _fault(revision: Revision, known: Mapping[tuple[str, int], set[str]]) -> str:
    """How it shows that a revision is not what was signed; empty when it is."""
    if revisions.content_hash(revision.report, revision) != revision.hash:
        return OTHER_CONTENT
    written = known.get((str(revision.report.public_id), revision.number))
    if not written:
        return NOT_IN_TRAIL
    return "" if written == {revision.hash} else OTHER_HASH


def _known_to_the_trail(found: Iterable[Revision]) -> Mapping[tuple[str, int], set[str]]:
    """Public id of a report and number of a revision -> the hashes that the trail wrote down when it was signed."""
    reports = sorted({str(revision.report.public_id) for revision in found})
    known: dict[tuple[str, int], set[str]] = defaultdict(set)
    for first in range(0, len(reports), AT_ONCE):
        asked = select(AuditEvent.subject_id, AuditEvent.facts).where(
            AuditEvent.subject == Report.__tablename__,
            AuditEvent.subject_id.in_(reports[first : first + AT_ONCE]),
            AuditEvent.action == "report.submitted",
        )
        for report, facts in db.session.execute(asked):
            said = facts if isinstance(facts, Mapping) else {}
            known[report, said.get("revision", 0)].add(said.get("hash", ""))
    return known


def _place(revision: Revision) -> str:
    report = revision.report
    days = f"{report.period.starts_on.isoformat()} to {report.period.ends_on.isoformat()}"
    return f"report {report.contract.reference}, {days}, revision {revision.number}"
