"""Somebody who owns the database makes the buyer say of a mark what was never said: nothing is told that is secret."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError

from portal import clock
from portal.extensions import db, transaction
from portal.model import Ruling
from portal.schema import migrate_database
from tests.conftest import settings_for
from tests.integration.test_marks_ruled import lift, room, taken_out, terminal
from tests.integration.test_migrations import go_back
from tests.integration.test_redaction import SECRETS
from tests.owner import as_owner
from tests.sanctioning import Room
from tests.terminal import Terminal
from tests.world import deliver_mail

__all__ = ["room", "terminal"]

AS_TOLD = """
UPDATE audit_event SET action = 'ruling.told',
facts = (SELECT o.facts FROM audit_event o WHERE o.action = 'ruling.told') WHERE action = 'ruling.upheld'
"""


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE ruling SET state = 'lifted', takes_effect_at = '2026-01-01 00:00:00.000000+00:00'",
        "UPDATE ruling SET field = 'invoice'",
        "UPDATE ruling SET reason = 'x', state = 'lifted', takes_effect_at = ruled_at",
    ],
)
def test_nothing_is_taken_out_where_a_word_is_not_what_the_trail_says(
    room: Room, database_url: str, forged: str, terminal: Terminal
) -> None:
    lift(room, "supplier", word="uphold")
    path = f"/exports/{room.world.contract.public_id}/redacted.xlsx"
    assert room.at(room.world.rita).send(path).status_code == 200
    assert terminal.run("verify-audit").exit_code == 0

    as_owner(database_url, forged)

    answer = room.at(room.world.rita).send(path)
    assert answer.status_code == 422
    assert "March 2026, revision 1" in answer.text
    assert "is no longer what it was when it was given" in answer.text
    found = terminal.run("verify-audit")
    assert found.exit_code == 1
    assert "the word on a mark is not what the trail wrote down" in found.stderr


def test_a_word_that_nobody_gave_and_one_that_is_gone_are_named(
    room: Room, database_url: str, terminal: Terminal
) -> None:
    lift(room, "supplier")
    as_owner(database_url, "UPDATE ruling SET public_id = '00000000000000000000000000000001'")
    found = terminal.run("verify-audit")
    assert found.exit_code == 1
    assert "the trail knows of no word on this mark" in found.stderr
    assert "the word on a mark is gone" in found.stderr
    assert terminal.run("check").exit_code == 1


@pytest.mark.parametrize(
    "and_the_trail",
    [
        "UPDATE audit_event SET id = id + 1000000 WHERE action = 'ruling.told'",
        AS_TOLD,
    ],
    ids=["another order", "another entry"],
)
def test_nothing_is_taken_out_where_the_newest_entry_is_not_what_was_written(
    room: Room, database_url: str, and_the_trail: str
) -> None:
    """The word and the trail are both made to say what was said before."""
    lift(room, "supplier")
    deliver_mail()
    until = db.session.scalars(select(Ruling.takes_effect_at)).one()
    lift(room, "supplier", word="uphold")
    assert until is not None
    as_owner(database_url, f"UPDATE ruling SET state = 'lifted', takes_effect_at = '{until:%Y-%m-%d %H:%M:%S.%f}'")
    as_owner(database_url, and_the_trail)
    clock.move_to(until + timedelta(days=1))
    answer = room.at(room.world.rita).send(f"/exports/{room.world.contract.public_id}/redacted.xlsx")
    assert answer.status_code == 422
    assert "is no longer what it was when it was given" in answer.text


def test_a_word_that_cannot_be_read_is_named_and_the_others_are_read(
    room: Room, database_url: str, terminal: Terminal
) -> None:
    lift(room, "supplier", "invoice")
    as_owner(database_url, "UPDATE ruling SET state = 'odd' WHERE field = 'supplier'")
    as_owner(database_url, "UPDATE ruling SET state = 'upheld' WHERE field = 'invoice'")
    found = terminal.run("verify-audit")
    assert found.exit_code == 1
    assert len(re.findall("what the trail says of it, cannot be read", found.stderr)) == 1
    assert len(re.findall("is not what the trail wrote down", found.stderr)) == 1


def test_the_database_lets_no_word_be_moved_to_another_mark_or_taken_away(room: Room, database_url: str) -> None:
    lift(room, "supplier")
    engine = create_engine(database_url)
    for words in ("UPDATE ruling SET field = 'invoice'", "DELETE FROM ruling"):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(words))
    engine.dispose()


def test_there_is_no_way_back_while_a_lifting_waits_and_a_day_that_was_told_is_kept(
    room: Room, database_url: str, tmp_path: Path
) -> None:
    lift(room, "supplier")
    db.session.rollback()
    engine = create_engine(database_url)
    go_back(engine, "0034")  # what came later goes back by itself
    with pytest.raises(RuntimeError, match="nobody has been told"):
        go_back(engine, "0033")
    migrate_database(settings_for(database_url, tmp_path))
    deliver_mail()
    with transaction():
        until = db.session.scalars(select(Ruling.takes_effect_at)).one()
    go_back(engine, "0033")
    engine.dispose()
    migrate_database(settings_for(database_url, tmp_path))
    with transaction():
        found = db.session.scalars(select(Ruling)).one()
        assert (found.takes_effect_at, found.word_id) == (until, None)
    clock.move_to(clock.now() + timedelta(days=30))
    assert taken_out(room)[0]["Supplier of the fuel"] == SECRETS[0]
