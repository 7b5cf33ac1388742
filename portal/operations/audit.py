"""Reading the trail: whether every chain is whole, and what happened to one thing."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import select, tuple_

from portal.extensions import db
from portal.model import AuditEvent, AuditHead, Membership, OrganisationKind, Person, Row
from portal.model.audit import FIRST_HASH


class BrokenLink(NamedTuple):
    """Where a chain is not whole, and how it shows."""

    chain: str
    sequence: int
    why: str


def broken_links() -> Iterator[BrokenLink]:
    """Walk every chain from its first entry to its head. Nothing comes out when all is whole."""
    heads = {head.chain: head for head in db.session.scalars(select(AuditHead))}
    for chain, head in heads.items():
        yield from _walk(chain, head)
    strays = select(AuditEvent).where(AuditEvent.chain.not_in(heads)).limit(1)
    for stray in db.session.scalars(strays):
        yield BrokenLink(stray.chain, stray.sequence, "the chain has no head")


def _walk(chain: str, head: AuditHead) -> Iterator[BrokenLink]:
    previous, sequence = FIRST_HASH, 0
    entries = select(AuditEvent).where(AuditEvent.chain == chain).order_by(AuditEvent.sequence)
    for entry in db.session.scalars(entries.execution_options(yield_per=1000)):
        sequence += 1
        if entry.sequence != sequence:
            yield BrokenLink(chain, sequence, "an entry is missing")
            return
        if entry.previous_hash != previous or entry.hash != entry.computed_hash():
            yield BrokenLink(chain, sequence, "the entry is not what was written")
            return
        previous = entry.hash
    if (head.sequence, head.hash) != (sequence, previous):
        yield BrokenLink(chain, head.sequence, "the head does not match the last entry")


SUPPLIERS_OWN = frozenset({"report.draft", "report.explained", "report.to_sign", "report.withheld"})
"""What goes on inside the supplier before anything is submitted: none of the buyer's business."""


def trail(rows: Sequence[Row], *, by: Membership) -> list[tuple[AuditEvent, Person | None]]:
    """What happened to these things as far as `by` may see it, oldest first, with who did it."""
    subjects = [(row.__tablename__, str(row.public_id)) for row in rows]
    hidden = SUPPLIERS_OWN if by.organisation.kind == OrganisationKind.BUYER else frozenset[str]()
    found = db.session.execute(
        select(AuditEvent, Person)
        .outerjoin(Person, AuditEvent.person_id == Person.id)
        .where(tuple_(AuditEvent.subject, AuditEvent.subject_id).in_(subjects), AuditEvent.action.not_in(hidden))
        .order_by(AuditEvent.at, AuditEvent.id)
    )
    return [(entry, person) for entry, person in found]
