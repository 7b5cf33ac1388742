"""Somebody who owns the database changes what a decision or a receipt says. `portal verify-audit` names the paper."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from portal.extensions import db
from portal.model import Sanction, SanctionState, guards
from portal.operations import audit, papers
from portal.operations.reports import signatures
from portal.work import anchor_trail
from tests import casework
from tests.conftest import SECRET
from tests.sanctioning import Room, decided, heard, opened, proposed
from tests.terminal import Terminal

NOT_KEPT = "what its paper says is not what was kept"

DECISIONS = [
    "amount = amount * 3",
    "amount = amount + 1, waived = waived - 1",
    "waived = waived + 1",
    "waiver_reason = 'Forfalsket'",
    "reasons = 'Forfalsket'",
    "comment = 'Forfalsket'",
    "calculation = '[]'",
    "currency = 'SEK'",
    "days = 99",
    "step = 'warning'",
    "found = '{}'",
    "found_hash = ''",
    "proposers = '[1]'",
    "decided_at = '2026-01-01 00:00:00'",
    "decided_by_id = proposed_by_id",
    """on_paper = '{"decided_by": "En annen"}'""",
]
"""What somebody makes of a decided sanction."""

RECEIPTS = [
    "UPDATE figure SET numerator = numerator * 2",
    "UPDATE figure SET denominator = denominator * 2",
    "UPDATE figure SET unit = 'x'",
    "UPDATE figure SET factors = '[]'",
    """UPDATE figure SET basis = '[{"nb": "x", "en": "x"}]'""",
    "DELETE FROM figure",
    "UPDATE finding SET result = 'met'",
    "UPDATE finding SET figure = '{}'",
    "UPDATE finding SET sentence = '{}'",
    "DELETE FROM finding",
    """INSERT INTO check_result (revision_id, kind, line_key, field, rule, severity, text, reason)
    SELECT id, 'fuel', '', '', 'x', 'warning', '{}', 'Forfalsket' FROM revision""",
    "UPDATE revision SET late_by_days = late_by_days + 1",
    "UPDATE revision SET on_paper = '{}'",
    "UPDATE revision SET signed_at = '2026-01-01 00:00:00'",
]
"""What somebody makes of a signed report's receipt."""

JSON_THAT_IS_NO_ENTRY = [
    ("UPDATE audit_event SET facts = '5'", "the entry is not what was written"),
    ("UPDATE audit_event SET facts = 'null'", "the entry is not what was written"),
    ("UPDATE audit_event SET facts = '[]'", "the entry is not what was written"),
    ("""UPDATE audit_event SET facts = '{"paper": []}'""", "the entry is not what was written"),
    ("""UPDATE audit_event SET facts = '{"computed": {}}'""", "the entry is not what was written"),
    ("UPDATE audit_event SET changes = '5'", "the entry is not what was written"),
    ("UPDATE audit_anchor SET positions = '[]'", "an entry from before it is missing, or is not what it was then"),
    ("UPDATE audit_anchor SET positions = '5'", "an entry from before it is missing, or is not what it was then"),
    ("""UPDATE audit_anchor SET positions = '{"x": "y"}'""", "an entry from before it is missing"),
    ("UPDATE sanction SET on_paper = '5'", NOT_KEPT),
    ("UPDATE revision SET on_paper = 'null'", NOT_KEPT),
    ("UPDATE finding SET lines = '5'", NOT_KEPT),
]
NOT_EVEN_JSON = [
    ("UPDATE revision SET on_paper = 'x'", NOT_KEPT),
    ("UPDATE revision SET pins = 'x'", "cannot be read"),
    ("UPDATE sanction SET on_paper = 'x'", NOT_KEPT),
    ("UPDATE sanction SET decided_at = 'x'", NOT_KEPT),
    ("UPDATE figure SET basis = 'x'", NOT_KEPT),
    ("UPDATE audit_anchor SET positions = 'x'", "cannot be read"),
]
"""SQLite takes anything for JSON."""


@pytest.fixture
def sanction(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Sanction]:
    """A decided sanction, in the hands of somebody who has taken the triggers away.

    On SQLite, where whoever has the file owns the database: a change that is not committed is taken back.
    """
    with opened(make_app, sqlite_url) as room:
        yield at_their_mercy(room, sqlite_url)


def at_their_mercy(room: Room, url: str) -> Sanction:
    sanction = decided(room.world, proposed(room.world, heard(room.world, casework.found(room.world))))
    anchor_trail({})
    db.session.rollback()
    owner = create_engine(url)
    with owner.begin() as connection:
        guards.remove(connection)
    owner.dispose()
    assert faults() == []
    return sanction


def faults() -> list[str]:
    """All that `portal verify-audit` would name."""
    db.session.expire_all()
    links = [f"{link.place}: {link.why}" for link in audit.broken_links()]
    return links + [f"{each.place}: {each.why}" for each in signatures.unlike_signed()]


def after(statement: str) -> list[str]:
    """What is named once the statement is run, which is taken back."""
    db.session.rollback()
    try:
        changed = db.session.execute(text(statement)).rowcount  # type: ignore[attr-defined]
        assert changed, f"{statement} changes nothing here, and proves nothing"
        return faults()
    finally:
        db.session.rollback()


def test_every_word_and_sum_of_a_decision_is_held_against_the_trail(sanction: Sanction) -> None:
    chain = f"contract:{sanction.contract_id} at "
    for change in DECISIONS:
        named = after(f"UPDATE sanction SET {change}")
        assert len(named) == 1, (change, named)
        assert named[0].startswith(chain), change
        assert named[0].endswith(NOT_KEPT), change
    assert faults() == []


def test_what_stays_of_a_decision_is_what_the_fingerprint_is_over() -> None:
    """Another column there is another fingerprint: then it needs another shape, and the older ones stay readable."""
    kept = {
        *("amount", "calculation", "clause_id", "comment", "contract_id", "currency", "days", "decided_at"),
        *("decided_by_id", "deviation_id", "found", "found_hash", "on_paper", "proposed_by_id", "proposers"),
        *("reasons", "step", "waived", "waiver_reason"),
    }
    assert kept == set(guards.KEPT)
    assert papers.SHAPE == "2:"


def test_every_figure_and_remark_of_a_receipt_is_held_against_the_trail(sanction: Sanction) -> None:
    del sanction
    for statement in RECEIPTS:
        named = after(statement)
        assert any(each.endswith(NOT_KEPT) for each in named), (statement, named)
    assert faults() == []


def test_what_is_json_and_no_entry_is_named_like_any_other(sanction: Sanction) -> None:
    for statement, why in JSON_THAT_IS_NO_ENTRY + NOT_EVEN_JSON:
        named = after(statement)
        assert any(why in each for each in named), (statement, named)
    assert sanction.amount


def test_a_decision_from_before_is_held_against_what_the_trail_says_of_it(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    """The first fingerprints were over names and words alone; what the sanction came to stood beside them."""
    keep_now = papers.keep_decision

    def keep_then(sanction: Sanction) -> str:
        keep_now(sanction)
        kept = [str(sanction.public_id), sanction.on_paper]
        words = json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(words.encode()).hexdigest()

    with opened(make_app, sqlite_url) as room, mock.patch.object(papers, "keep_decision", keep_then):
        at_their_mercy(room, sqlite_url)
        for change in (
            "UPDATE sanction SET amount = amount * 3",
            "UPDATE sanction SET waived = waived + 1",
            "UPDATE sanction SET on_paper = '{}'",
            "UPDATE sanction SET amount = amount * 3, decided_at = NULL",
            "UPDATE sanction SET public_id = '00000000000040008000000000000000'",
        ):
            named = after(change)
            assert [each.endswith(NOT_KEPT) for each in named] == [True], (change, named)


def test_a_decision_of_which_less_was_written_down_is_held_against_that(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    """At first the trail said what it came to, and neither what was waived nor what its paper says."""
    move = Sanction.move

    def move_then(sanction: Sanction, state: SanctionState, **said: Any) -> None:
        move(sanction, state, **{name: fact for name, fact in said.items() if name not in {"waived", "paper"}})

    with opened(make_app, sqlite_url) as room, mock.patch.object(Sanction, "move", move_then):
        at_their_mercy(room, sqlite_url)
        named = after("UPDATE sanction SET amount = amount * 3")
        assert [each.endswith(NOT_KEPT) for each in named] == [True], named
        assert after("UPDATE sanction SET waived = waived + 1") == [], "nothing was written down of that"


def test_the_operator_is_told_which_decision(make_app: Callable[..., Flask], database_url: str, tmp_path: Path) -> None:
    """On both databases: what stands there is the same as what was kept, whichever of them has stored it."""
    with opened(make_app, database_url) as room:
        place = f"contract:{at_their_mercy(room, database_url).contract_id} at "
        db.session.rollback()
        terminal = Terminal(tmp_path, DATABASE_URL=database_url, KLIMAKONTRAKT_SECRET_KEY=SECRET)
        assert terminal.run("verify-audit").exit_code == 0
        owner = create_engine(database_url)
        for statement in ("UPDATE sanction SET amount = amount * 3", "UPDATE finding SET result = 'met'"):
            with owner.begin() as connection:
                connection.execute(text(statement))
        owner.dispose()
        found = terminal.run("verify-audit")
        assert found.exit_code == 1
        assert [line.startswith(place) and line.endswith(NOT_KEPT) for line in found.stderr.splitlines()] == [True] * 2
