"""Anchors: what is known outside the portal of how far the trail had come, and that shows whether it stands still.

A chain alone tells neither that its end was cut off nor that all of it was written anew. A seal (the hash of an entry),
a head (an entry with its place in its chain) or an anchor (one hash over all heads) that was kept elsewhere does.

A party of a contract gets seals and anchors alone: places would tell it how much is done that it is not told.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, tuple_

from portal import clock
from portal.extensions import db, parts
from portal.model import AuditAnchor, AuditEvent, AuditHead, Revision, Row, Sanction
from portal.operations import mail, telling

_HASH = r"((?:[0-9a-f]\s*){64})(?![0-9a-f])"
_HEAD = re.compile(r"((?:contract|organisation):\d+)\s+(\d+)\s+" + _HASH)
_SEAL = re.compile(r"entry\s+" + _HASH)
_ANCHOR = re.compile(r"anchor\s+(\d+)\s+" + _HASH)
_AT_ONCE = 500


class Head(NamedTuple):
    """An entry of a chain, by its place and its hash."""

    chain: str
    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.chain} {self.sequence} {self.hash}"


class Known(NamedTuple):
    """What somebody has kept outside: heads, anchors as their numbers and hashes, and the hashes of entries."""

    heads: list[Head]
    anchors: list[tuple[int, str]]
    seals: list[str]


class Addressee(NamedTuple):
    """An address outside the portal that anchors go to."""

    email: str
    name: str = "Klimakontrakt"
    language: str = "nb"


def heads() -> list[Head]:
    """Every chain as far as it has come."""
    rows = db.session.execute(select(AuditHead.chain, AuditHead.sequence, AuditHead.hash))
    return sorted(Head(*row) for row in rows)


def drop(found: list[Head]) -> AuditAnchor:
    """Note where all chains stand; the newest anchor again when none has gone on since."""
    newest = at(clock.now())
    hash_ = hash_over(found)
    if newest is not None and newest.hash == hash_:
        return newest
    anchor = AuditAnchor(hash=hash_, positions={head.chain: head.sequence for head in found})
    db.session.add(anchor)
    db.session.flush()
    return anchor


def hash_over(found: Iterable[Head]) -> str:
    """SHA-256 over the heads in the order of their chains, each on a line of its own."""
    return hashlib.sha256("".join(f"{head}\n" for head in sorted(found)).encode()).hexdigest()


def at(moment: datetime) -> AuditAnchor | None:
    """The newest anchor that was there at a moment."""
    newest = select(AuditAnchor).where(AuditAnchor.at <= moment).order_by(AuditAnchor.id.desc()).limit(1)
    return db.session.scalars(newest).first()


def text(anchor: AuditAnchor) -> str:
    """An anchor as it is printed, in one line that `read` knows again."""
    return f"anchor {anchor.id} {anchor.hash}"


def seal(hash_: str) -> str:
    """An entry as the parties are told of it, in one line that `read` knows again: by its hash, not by its place."""
    return f"entry {hash_}"


def standing(contract_id: int) -> str:
    """The last entry about a contract that both parties are told of, and the newest anchor: lines for `read`.

    What this very transaction writes comes after; empty for a contract of which nothing is stored yet.
    """
    told = select(AuditEvent.hash).where(AuditEvent.chain == f"contract:{contract_id}", telling.told_to_both())
    return _lines(db.session.scalars(told.order_by(AuditEvent.sequence.desc()).limit(1)), at(clock.now()))


def proof_of(revision: Revision) -> str:
    """The entry by which a revision was signed, and the anchor that was newest then: the same whenever it is asked."""
    signed = [each for each in _acts(revision.report, "report.submitted") if each.facts["revision"] == revision.number]
    return _lines([each.hash for each in signed], at(revision.signed_at))


def proof_of_decision(sanction: Sanction) -> str:
    """The entry by which a sanction was decided, and the anchor that was newest then: the same whenever it is asked."""
    decided = _acts(sanction, "sanction.decided")
    return _lines([each.hash for each in decided], at(sanction.decided_at) if sanction.decided_at else None)


def _acts(row: Row, action: str) -> list[AuditEvent]:
    acts = select(AuditEvent).where(
        AuditEvent.subject == row.__tablename__,
        AuditEvent.subject_id == str(row.public_id),
        AuditEvent.action == action,
    )
    return list(db.session.scalars(acts.order_by(AuditEvent.id)))


def _lines(hashes: Iterable[str], anchor: AuditAnchor | None) -> str:
    return "\n".join([*map(seal, hashes), *([text(anchor)] if anchor is not None else [])])


def send() -> AuditAnchor:
    """Anchor all chains, and write all heads to whoever keeps them outside."""
    found = heads()
    anchor = drop(found)
    for address in parts().settings.anchors_to:
        mail.write_personal(Addressee(address), "anchors", anchor=anchor, text=text(anchor), heads=found)
    return anchor


def read(words: str) -> Known:
    """Every head, anchor and seal in a letter, a receipt or a file, however the lines were broken."""
    return Known(
        [Head(chain, int(number), _tight(hash_)) for chain, number, hash_ in _HEAD.findall(words)],
        [(int(number), _tight(hash_)) for number, hash_ in _ANCHOR.findall(words)],
        [_tight(hash_) for hash_ in _SEAL.findall(words)],
    )


def stands(anchor: AuditAnchor) -> bool:
    """Whether every entry that the anchor was made over is what it was."""
    positions: object = anchor.positions  # what somebody else put there may be anything
    return isinstance(positions, dict) and hash_over(_entries_at(positions)) == anchor.hash


def _entries_at(positions: dict[str, int]) -> Iterator[Head]:
    places = list(positions.items())
    for first in range(0, len(places), _AT_ONCE):
        asked = tuple_(AuditEvent.chain, AuditEvent.sequence).in_(places[first : first + _AT_ONCE])
        rows = db.session.execute(select(AuditEvent.chain, AuditEvent.sequence, AuditEvent.hash).where(asked))
        yield from (Head(*row) for row in rows)


def _tight(hash_: str) -> str:
    return "".join(hash_.split())
