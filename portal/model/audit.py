"""The trail of everything that happened: append-only, and chained so that no entry can be changed unseen.

docs/trail.md says how an entry is written down and hashed, for those who want to see for themselves.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, event, select
from sqlalchemy import Text as Prose
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column, object_session

from portal import clock, tenancy, tracing
from portal.extensions import Base
from portal.model import changes
from portal.model.base import NOT_READ_BACK, BigId, Json, JsonDocument, Moment, Row
from portal.model.people import Membership

FIRST_HASH = "0" * 64
VERSION = 2
"""Of entries written now. Those of version 1 say nothing of before and after, nor of the request."""


class AuditHead(Base):
    """The last link of each chain, locked while a transaction adds to it: one a contract, else an organisation."""

    __tablename__ = "audit_head"

    chain: Mapped[str] = mapped_column(String(40), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigId, default=0)
    hash: Mapped[str] = mapped_column(String(64), default=FIRST_HASH)


class AuditEvent(Base):
    """Who did what to which thing, when, for whom and why. Persons stand by number: names are not in the chain."""

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("chain", "sequence"),
        Index("ix_audit_event_subject", "subject", "subject_id"),
        Index("ix_audit_event_person", "person_id", "action"),
        Index("ix_audit_event_organisation", "organisation_id", "id"),
        NOT_READ_BACK,
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    chain: Mapped[str] = mapped_column(String(40))
    sequence: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(default=VERSION, server_default="1")
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(36))
    contract_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("contract.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    stood_in_for_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("person.id"))
    """The person whose substitute acted; None when nobody was stood in for."""
    organisation_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("organisation.id"))
    """On whose behalf; None: the portal's own."""
    reason: Mapped[str] = mapped_column(Prose, default="")
    facts: Mapped[Json] = mapped_column(JsonDocument, default=dict)
    changes: Mapped[Json] = mapped_column(JsonDocument, default=dict, server_default="{}")
    """What changed of the thing: column -> [before, after], as `portal.model.changes` has it."""
    request_id: Mapped[str] = mapped_column(String(40), default="", server_default="")
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    def computed_hash(self) -> str:
        """What its hash must be."""
        return hash_of(vars(self))


class AuditAnchor(Base):
    """All heads at one moment under one hash: printed outside, it tells when a chain was cut or written anew."""

    __tablename__ = "audit_anchor"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now, index=True)
    hash: Mapped[str] = mapped_column(String(64))
    positions: Mapped[dict[str, int]] = mapped_column(JsonDocument)
    """Chain -> the sequence of its last entry then."""


def hash_of(entry: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash and everything an entry says, in one canonical form.

    Args:
        entry: column -> value, as stored.
    """
    said = {
        "chain": entry["chain"],
        "sequence": entry["sequence"],
        "at": entry["at"].isoformat(timespec="microseconds"),
        "action": entry["action"],
        "subject": entry["subject"],
        "subject_id": entry["subject_id"],
        "contract": entry["contract_id"],
        "person": entry["person_id"],
        "organisation": entry["organisation_id"],
        "reason": entry["reason"],
        "facts": entry["facts"],
    }
    if entry["version"] != 1:
        said |= {
            "version": entry["version"],
            "stood_in_for": entry["stood_in_for_id"],
            "changes": entry["changes"],
            "request": entry["request_id"],
        }
    canonical = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256((entry["previous_hash"] + canonical).encode()).hexdigest()


def record(entity: Row, action: str, *, by: Membership | None, reason: str = "", **facts: object) -> None:
    """Note that `by` (None: the portal itself) did `action` to `entity`. Chained and stored by the coming commit."""
    session = object_session(entity)
    if session is None:
        raise RuntimeError(f"{entity!r} is in no session, so {action} would go unrecorded.")
    entry = AuditEvent(
        version=VERSION,
        action=action,
        at=clock.now(),
        reason=reason,
        facts=facts,
        changes=changes.of(session, entity),
        person_id=by.person_id if by else None,
        stood_in_for_id=by.stands_in_for.person_id if by and by.stands_in_for else None,
        organisation_id=by.organisation_id if by else None,
        request_id=tracing.current(),
    )
    session.info.setdefault("audit", []).append((entity, entry))


def add_facts(entity: Row, action: str, **facts: object) -> None:
    """Say more of the last `action` to `entity` that this transaction notes. Raises RuntimeError when there is none."""
    session = object_session(entity)
    noted = session.info.get("audit", []) if session is not None else []
    for other, entry in reversed(noted):
        if other is entity and entry.action == action:
            entry.facts = {**entry.facts, **facts}
            return
    raise RuntimeError(f"{action} of {entity!r} is not noted in this transaction.")


@event.listens_for(Session, "before_commit")
def _chain_pending(session: Session) -> None:
    pending: list[tuple[Row, AuditEvent]] = session.info.pop("audit", [])
    if not pending:
        return
    session.flush()
    for entity, entry in {id(entity): (entity, entry) for entity, entry in pending}.values():
        # What came after the last word about a thing belongs to that word: a default, the number of a related row.
        entry.changes = changes.merged(entry.changes, changes.of(session, entity))
    for entity, entry in pending:
        entry.subject, entry.subject_id = entity.__tablename__, str(entity.public_id)
        entry.contract_id = entity.id if entry.subject == "contract" else getattr(entity, "contract_id", None)
        entry.chain = _chain_of(entity, entry)
    # One order for all, so that two transactions that touch the same chains cannot wait for each other.
    chains = sorted({entry.chain for _, entry in pending})
    if of_organisations := [chain for chain in chains if not chain.startswith("contract:")]:
        tenancy.write_on(session.connection(), of_organisations)
    heads = {chain: _locked_head(session, chain) for chain in chains}
    for _, entry in pending:
        head = heads[entry.chain]
        head.sequence += 1
        entry.sequence, entry.previous_hash = head.sequence, head.hash
        entry.hash = head.hash = entry.computed_hash()
        session.add(entry)


@event.listens_for(Session, "after_commit")
def _forget_changes(session: Session) -> None:
    changes.forget(session)


@event.listens_for(Session, "after_soft_rollback")
def _forget_pending(session: Session, _previous: SessionTransaction) -> None:
    session.info.pop("audit", None)
    changes.forget(session)


def _chain_of(entity: Row, entry: AuditEvent) -> str:
    if entry.contract_id is not None:
        return f"contract:{entry.contract_id}"
    owner = getattr(entity, "owner_id", None) or getattr(entity, "organisation_id", None)
    return f"organisation:{owner or (entity.id if entry.subject == 'organisation' else entry.organisation_id or 0)}"


def _locked_head(session: Session, chain: str) -> AuditHead:
    head = session.scalar(
        select(AuditHead).where(AuditHead.chain == chain).with_for_update().execution_options(populate_existing=True)
    )
    if head is None:
        head = AuditHead(chain=chain, sequence=0, hash=FIRST_HASH)
        session.add(head)
        session.flush()
    return head
