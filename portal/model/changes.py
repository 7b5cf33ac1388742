"""What of an entity has changed since the trail last spoke of it: before and after, as plain values.

A session keeps what a column held when its transaction began, also through flushes in between; each entry of the
trail takes what has changed since the entry before it, and the last one what came after.
"""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import LargeBinary, Text, event, inspect
from sqlalchemy.orm import InstanceState, Mapper, Session
from sqlalchemy.orm.base import NO_VALUE

from portal.model import personal
from portal.model.base import Row

Changes = dict[str, Any]
"""Column -> [before, after]; or `PERSONAL` for what names somebody."""

PERSONAL = "personal"
"""Said in place of the values of a column that names somebody."""
LONGEST_LIST = 50
_LEFT_OUT = frozenset({"id", "public_id", "created_at", "version", "contract_id", "buyer_id", "supplier_id"})


class _Column(NamedTuple):
    """A column as the trail tells it."""

    key: str
    is_personal: bool
    is_prose: bool


class _Known:
    """What an entity's columns held: when they were first changed, and when the trail last spoke of them."""

    def __init__(self, state: InstanceState[Any]) -> None:
        self.is_new = state.transient or state.pending
        self.first: dict[str, Any] = {}
        self.told: dict[str, Any] = {}


def of(session: Session, entity: object) -> Changes:
    """What has changed since this was last asked for, in this transaction.

    Before a new entity there was nothing, and nothing is after one that was removed.
    """
    state: InstanceState[Any] = inspect(entity)
    known = _known(session, state)
    _remember(known, state)
    columns, held, is_gone = _columns(state.mapper), state.dict, state.deleted or state.was_deleted
    found: Changes = {}
    for key in columns if known.is_new or is_gone else known.first:
        column = columns.get(key)
        if column is None or key not in held:
            continue
        now = None if is_gone else held[key]
        was = held[key] if is_gone else None
        before = known.told.get(key, None if known.is_new else known.first.get(key, was))
        known.told[key] = now
        if before is not now and before != now:
            found[key] = PERSONAL if column.is_personal else [_plain(before, column), _plain(now, column)]
    return {key: each for key, each in found.items() if each != [None, None]}


def merged(earlier: Changes, later: Changes) -> Changes:
    """Both as one: before the earlier, after the later."""
    both = {**earlier, **later}
    for key in earlier.keys() & later.keys():
        if isinstance(later[key], list):
            both[key] = [earlier[key][0], later[key][1]]
    return {key: each for key, each in both.items() if not isinstance(each, list) or each[0] != each[1]}


def forget(session: Session) -> None:
    """The transaction is over."""
    session.info.pop("changes", None)


def _known(session: Session, state: InstanceState[Any]) -> _Known:
    kept: WeakKeyDictionary[InstanceState[Any], _Known] = session.info.setdefault("changes", WeakKeyDictionary())
    known = kept.get(state)
    if known is None:
        known = kept[state] = _Known(state)
    return known


def _remember(known: _Known, state: InstanceState[Any]) -> None:
    for key, before in state.committed_state.items():
        if key not in known.first:
            known.first[key] = None if before is NO_VALUE else before


@event.listens_for(Row, "mapper_configured", propagate=True)
def _load_before_setting(mapper: Mapper[Any], _class: type[Any]) -> None:
    """A value that is written over before it was read is read first: else nobody could say what it was."""
    for key in _columns(mapper):
        getattr(mapper.class_, key).impl.active_history = True


@event.listens_for(Session, "before_flush")
def _keep_what_was(session: Session, _context: object, _instances: object) -> None:
    """A flush forgets what was; the trail asks later."""
    for entity in session.dirty:
        state = inspect(entity)
        _remember(_known(session, state), state)
    for entity in session.new:
        if isinstance(entity, Row):
            _known(session, inspect(entity))


@cache
def _columns(mapper: Mapper[Any]) -> dict[str, _Column]:
    """The columns that the trail tells of: no numbers of rows, nothing that opens a door, no documents."""
    return {column.key: column for column in _told(mapper)}


def _told(mapper: Mapper[Any]) -> Iterator[_Column]:
    for prop in mapper.column_attrs:
        column = prop.columns[0]
        if prop.key in _LEFT_OUT or personal.opens_a_door(prop.key) or prop.deferred:
            continue
        if isinstance(column.type, LargeBinary):
            continue
        table = str(getattr(column.table, "name", ""))
        is_prose = isinstance(column.type, Text)
        yield _Column(prop.key, personal.names_somebody(table, column.name), is_prose)


def _plain(value: Any, column: _Column) -> Any:
    """A value as JSON has it. Long words stand by their fingerprint: it proves them and does not hold them."""
    if isinstance(value, str):
        code = str(value.value) if isinstance(value, Enum) else value
        return _fingerprint(code) if column.is_prose and code else code
    if value is None or isinstance(value, bool | int) or _is_short_list(value):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value) if isinstance(value, uuid.UUID) else None


def _is_short_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= LONGEST_LIST and all(isinstance(each, str | int) for each in value)


def _fingerprint(words: str) -> dict[str, str]:
    return {"sha256": hashlib.sha256(words.encode()).hexdigest()}
