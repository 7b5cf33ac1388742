"""What a paper says: kept when the paper comes to be, so that it stays what it was, and known to the trail.

A decision or a receipt is set again each time that somebody fetches it. What people and organisations are called, what
a case found and how a clause is worded can change, and are kept beside it (`on_paper`). All that is set, this and the
sums, figures and reasons of its own rows, is known to the trail by a fingerprint.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import Select, select

from portal.extensions import db
from portal.model import Check, Contract, Figure, Finding, Revision, Sanction, guards
from portal.model.base import Json
from portal.operations.batches import read_in_batches
from portal.quantities import canonical

SHAPE = "2:"
"""Before each fingerprint that is taken now. The first ones, without it, were over `on_paper` alone."""

_DECIDED = guards.KEPT
_SIGNED = ("number", "signed_at", "late_by_days", "amendment_reason", "on_paper")
_COMPUTED: Mapping[type[Figure | Finding | Check], Sequence[str]] = {
    Figure: ("kind", "indicator", "unit", "numerator", "denominator", "factors", "basis", "unknown"),
    Finding: ("requirement_id", "result", "figure", "lines", "sentence"),
    Check: ("kind", "line_key", "field", "rule", "severity", "text", "reason"),
}
"""What follows from a revision -> the columns that say it."""

Columns: TypeAlias = Mapping[str, Any]
Asked: TypeAlias = Select[*tuple[Any, ...]]


def keep_decision(sanction: Sanction) -> str:
    """Keep what the paper of a decision says of others' rows; the fingerprint of all that it says, for the trail."""
    case, decided_by = sanction.deviation, sanction.decided_by
    sanction.on_paper = {
        **_named(sanction.contract),
        "proposed_by": sanction.proposed_by.name,
        "decided_by": decided_by.name if decided_by else "",
        "breach": case.clause,
        "found": case.sentence,
        "clause": sanction.clause.clause,
        "wording": sanction.clause.wording,
    }
    db.session.flush()
    return _fingerprint(sanction.public_id, {name: getattr(sanction, name) for name in _DECIDED})


def keep_receipt(revision: Revision) -> str:
    """Keep what the receipt of a revision says of others' rows; the fingerprint of what it says, for the trail.

    Lines and answers have the revision's own hash; what is computed of them has `of_computed`.
    """
    revision.on_paper = {**_named(revision.report.contract), "signed_by": revision.signed_by.name}
    return _fingerprint(revision.public_id, {name: getattr(revision, name) for name in _SIGNED})


def of_computed(revision: Revision) -> str:
    """The fingerprint of the figures, findings and remarks that follow from a revision, once they are stored."""
    [(_number, found)] = _of_computed([revision.id])
    return found


def fingerprints() -> Iterator[str]:
    """Of every paper, and of all that was computed, as they stand in the database now; what cannot be read has none."""
    for entity, names in ((Sanction, _DECIDED), (Revision, _SIGNED)):
        columns = [entity.public_id, *(getattr(entity, name) for name in names)]
        for row in _rows(select(*columns), entity):
            said = {name: row[name] for name in names}
            yield _fingerprint(row["public_id"], said)
            yield _first_fingerprint(row["public_id"], row["on_paper"])
    yield from (found for _number, found in read_in_batches(_numbers(Revision), _of_computed))


def amounts() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Of every sanction: its public id, and what it comes to and what is waived, as the trail writes them down."""
    for row in _rows(select(Sanction.public_id, Sanction.amount, Sanction.waived), Sanction):
        yield str(row["public_id"]), {name: canonical(row[name] or Decimal(0)) for name in ("amount", "waived")}


def _rows(asked: Asked, entity: type[Sanction | Revision]) -> Iterator[Columns]:
    """What is asked of every row; none of a row that cannot be read."""

    def read(numbers: Sequence[int]) -> Sequence[Columns]:
        found = db.session.execute(asked.where(entity.id.in_(numbers)).order_by(entity.id))
        return [dict(row) for row in found.mappings()]

    yield from read_in_batches(_numbers(entity), read)


def _numbers(entity: type[Sanction | Revision]) -> Sequence[int]:
    return db.session.scalars(select(entity.id).order_by(entity.id)).all()


def _of_computed(numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Number of a revision, and the fingerprint of what follows from it. Raises ValueError where one cannot be read."""
    said: dict[int, dict[str, list[object]]] = {number: {} for number in numbers}
    for entity, names in _COMPUTED.items():
        columns = [entity.revision_id, *(getattr(entity, name) for name in names)]
        asked = select(*columns).where(entity.revision_id.in_(numbers)).order_by(entity.id)
        for revision_id, *values in db.session.execute(asked):
            said[revision_id].setdefault(entity.__tablename__, []).append([_plain(value) for value in values])
    for number, found in said.items():
        yield number, _hash([number, found])


def _fingerprint(public_id: object, said: Columns) -> str:
    return _hash([str(public_id), {name: _plain(value) for name, value in said.items()}])


def _hash(said: object) -> str:
    return SHAPE + hashlib.sha256(_written(said)).hexdigest()


def _first_fingerprint(public_id: object, on_paper: object) -> str:
    return hashlib.sha256(_written([str(public_id), on_paper])).hexdigest()


def _written(said: object) -> bytes:
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    """A value of a column as JSON can have it: the same before it is stored and after."""
    match value:
        case Decimal():
            return canonical(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case _:
            return value


def _named(contract: Contract) -> Json:
    return {
        "reference": contract.reference,
        "title": contract.title,
        "zone": contract.time_zone,
        "buyer": contract.buyer.name,
        "supplier": contract.supplier.name,
        "number": contract.supplier.number,
    }
