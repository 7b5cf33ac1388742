"""Reading the trail: whether every chain is whole, and what happened to one thing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import select, tuple_

from portal.extensions import db
from portal.model import AuditAnchor, AuditEvent, Membership, Person, Row
from portal.model.audit import FIRST_HASH, hash_of
from portal.operations import anchors, papers, telling
from portal.operations.anchors import Head, Known

_AT_ONCE = 1000
NOTHING_KNOWN = Known([], [], [])

Entry = Mapping[str, Any]
"""Column -> value."""
Place = tuple[str, int]
"""A chain, and a sequence in it."""


class BrokenLink(NamedTuple):
    """Where a chain is not whole, and how it shows.

    An anchor has no chain of its own: its number stands for it. An entry that is known by its hash alone, and is gone,
    has no place any more: `sequence` is 0.
    """

    chain: str
    sequence: int
    why: str

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.chain} at {self.sequence}" if self.sequence else self.chain


class _Unreadable(Exception):
    """What stands in the database after this place is no entry."""

    def __init__(self, chain: str, sequence: int) -> None:
        super().__init__(f"{chain} {sequence}")
        self.chain, self.sequence = chain, sequence


def broken_links(known: Known = NOTHING_KNOWN) -> Iterator[BrokenLink]:
    """Walk every chain from its first entry to its head, the first fault of each. Nothing comes when all is whole.

    Args:
        known: what was kept outside: it tells of an end that was cut off, and of a chain that was written anew from
            some entry on.
    """
    heads = {head.chain: head for head in anchors.heads()}
    kept: dict[str, list[Head]] = {}
    for head in known.heads:
        kept.setdefault(head.chain, []).append(head)
    lost, told = set(known.seals), _Told({}, {})
    try:
        for chain, entries in groupby(_seen(_entries(), lost, told), lambda entry: str(entry["chain"])):
            fault = _walk(chain, entries, heads.pop(chain, None), kept.pop(chain, []))
            if fault:
                yield fault
    except _Unreadable as trouble:
        yield BrokenLink(trouble.chain, trouble.sequence + 1, "the entry cannot be read, and what comes after was not")
        return
    yield from _gone(heads, kept, lost)
    yield from _changed_papers(told)
    yield from _moved_anchors(known.anchors)


def _gone(heads: Mapping[str, Head], kept: Mapping[str, list[Head]], lost: set[str]) -> Iterator[BrokenLink]:
    """What no entry was found of: chains with a head, chains that are known outside, seals."""
    for chain, head in heads.items():
        if head.sequence:
            yield BrokenLink(chain, 1, "all entries are missing")
    for chain, [head, *_others] in kept.items():
        yield BrokenLink(chain, head.sequence, "the entry that is known outside is missing, and so is its chain")
    for hash_ in sorted(lost):
        yield BrokenLink(anchors.seal(hash_), 0, "it is known outside, and was removed or written anew")


class _Told(NamedTuple):
    """What the trail tells of papers, and where."""

    prints: dict[str, Place]
    """Fingerprint of what a paper says, or of what was computed for one."""
    amounts: dict[str, tuple[Mapping[str, object], Place]]
    """Public id of a sanction -> what it came to when it was decided: as much of it as was written down then."""


def _seen(entries: Iterator[Entry], lost: set[str], told: _Told) -> Iterator[Entry]:
    """The entries as they come, each crossed off what is looked for; what they tell of papers is taken down.

    Nothing of an entry is believed yet: what somebody else put there may be anything.
    """
    for entry in entries:
        lost.discard(entry["hash"])
        place, facts = (entry["chain"], entry["sequence"]), entry["facts"]
        if isinstance(facts, Mapping):
            told.prints.update(
                {facts[name]: place for name in ("paper", "computed") if isinstance(facts.get(name), str)}
            )
            if entry["action"] == "sanction.decided":
                written = {name: facts[name] for name in ("amount", "waived") if name in facts}
                told.amounts[entry["subject_id"]] = written, place
        yield entry


def _changed_papers(told: _Told) -> Iterator[BrokenLink]:
    """Where what a paper says is not what it said when it came to be."""
    changed = {**told.prints}
    for found in papers.fingerprints():
        changed.pop(found, None)
    decided = {**told.amounts}
    for public_id, now in papers.amounts():
        written, _place = decided.get(public_id, ({}, None))
        if written.items() <= now.items():
            decided.pop(public_id, None)
    for place in sorted({*changed.values(), *(place for _written, place in decided.values())}):
        yield BrokenLink(*place, "what its paper says is not what was kept")


def _walk(chain: str, entries: Iterator[Entry], head: Head | None, kept: list[Head]) -> BrokenLink | None:
    previous, sequence = FIRST_HASH, 0
    outside = {each.sequence: each.hash for each in kept}
    for entry in entries:
        sequence += 1
        why = _fault(entry, sequence, previous, outside.pop(sequence, None))
        if why:
            return BrokenLink(chain, sequence, why)
        previous = entry["hash"]
    longest = max([*outside, head.sequence if head else 0])
    if longest > sequence:
        return BrokenLink(chain, sequence + 1, f"the entry is missing: there were {longest}")
    if head is None:
        return BrokenLink(chain, sequence, "the chain has no head")
    if (head.sequence, head.hash) != (sequence, previous):
        return BrokenLink(chain, head.sequence, "the head does not match the last entry")
    return None


def _fault(entry: Entry, sequence: int, previous: str, outside: str | None) -> str:
    if entry["sequence"] != sequence:
        return "the entry is missing"
    if entry["hash"] != hash_of(entry):
        return "the entry is not what was written"
    if entry["previous_hash"] != previous:
        return "the entry does not follow the one before it"
    if outside not in (None, entry["hash"]):
        return "the entry is not the one that is known outside: the chain was written anew"
    return ""


def _entries(after: tuple[str, int] = ("", 0), at_once: int = _AT_ONCE) -> Iterator[Entry]:
    """All entries after a place, chain by chain, a batch at a time; one by one where one cannot be read."""
    table = AuditEvent.__table__
    place = tuple_(table.c.chain, table.c.sequence)
    asked = select(table).where(place > after).order_by(table.c.chain, table.c.sequence)
    try:
        for entry in db.session.execute(asked.execution_options(yield_per=at_once)).mappings():
            yield dict(entry)
            after = (entry["chain"], entry["sequence"])
    except ValueError as trouble:  # a document that is no JSON, a moment that is none
        if at_once == 1:
            raise _Unreadable(*after) from trouble
        yield from _entries(after, 1)


def _moved_anchors(outside: Sequence[tuple[int, str]]) -> Iterator[BrokenLink]:
    newest = db.session.scalar(select(AuditAnchor.id).order_by(AuditAnchor.id.desc()).limit(1))
    asked = dict(outside)
    for number in sorted({*asked, *([newest] if newest else [])}):
        if why := _fault_of_anchor(number, asked.get(number)):
            yield BrokenLink("anchor", number, why)


def _fault_of_anchor(number: int, outside: str | None) -> str:
    try:
        anchor = db.session.get(AuditAnchor, number, populate_existing=True)
    except ValueError:  # a document that is no JSON, a moment that is none
        return "the anchor cannot be read"
    if anchor is None:
        return "the anchor that is known outside is missing"
    if outside not in {None, anchor.hash}:
        return "the anchor is not the one that is known outside"
    return "" if anchors.stands(anchor) else "an entry from before it is missing, or is not what it was then"


def written_out() -> Iterator[str]:
    """Every entry as a line of JSON, for whoever wants to check the chains with means of their own: docs/trail.md."""
    for entry in _entries():
        said = {key: value for key, value in entry.items() if key != "id"}
        said["at"] = entry["at"].isoformat(timespec="microseconds")
        yield json.dumps(said, ensure_ascii=False)


def trail(rows: Sequence[Row], *, by: Membership) -> list[tuple[AuditEvent, Person | None]]:
    """What happened to these things as far as `by` may see it, oldest first, with who did it."""
    subjects = [(row.__tablename__, str(row.public_id)) for row in rows]
    told = telling.may_be_told(by, {table for table, _public_id in subjects})
    found = db.session.execute(
        select(AuditEvent, Person)
        .outerjoin(Person, AuditEvent.person_id == Person.id)
        .where(tuple_(AuditEvent.subject, AuditEvent.subject_id).in_(subjects), told)
        .order_by(AuditEvent.at, AuditEvent.id)
    )
    return [(entry, person) for entry, person in found]
