"""The work list of who decides: what waits, without what this person prepared, asked of the database alone."""

from datetime import date

import pytest
from sqlalchemy import event

from portal import impartiality
from portal.extensions import db, transaction
from portal.model.base import Row
from portal.operations import accounts, tasks
from tests.assessing import cases_of, file
from tests.deciding import approvals, by_rows, noted, prepared, three
from tests.sanctioning import duty, heard, note_end, proposed
from tests.statements import counted
from tests.world import World

__all__ = ["three"]


@pytest.mark.parametrize("step", ["notice", "weighing", "proposal"])
def test_the_approval_is_no_task_for_whoever_prepared_it(three: World, step: str) -> None:
    steps = {"notice": three.adam, "weighing": three.adam, "proposal": three.adam, step: three.ruth}
    sanction = prepared(three, **steps)
    assert approvals(three.ruth) == ([], 0)
    assert approvals(three.dora) == approvals(three.rita) == ([sanction.id], 1)
    assert approvals(three.adam) == ([], 0)


def test_nor_for_who_noted_the_last_day(three: World) -> None:
    sanction = noted(three, three.ruth)
    assert approvals(three.ruth) == ([], 0)
    assert approvals(three.rita) == ([sanction.id], 1)


def asked_for(number: int) -> tuple[int, int]:
    """How many statements it takes to count what waits for a person, and how many rows it reads as objects."""
    db.session.rollback()
    db.session.expunge_all()
    by = accounts.membership(number)
    assert by.organisation
    loaded: list[object] = []

    def note(row: object, _context: object) -> None:
        loaded.append(row)

    event.listen(Row, "load", note, propagate=True)
    try:
        with counted() as statements:
            tasks.counts(by)
    finally:
        event.remove(Row, "load", note)
    return len(statements), len(loaded)


def test_the_count_reads_no_approval(three: World) -> None:
    """Of two that wait: neither their cases nor their points are read to leave out those one has prepared."""
    dora, adam = three.dora.id, three.adam.id
    noted(three, three.ruth)
    share = duty(three, "zero_emission_share_energy")
    april = file(three, date(2026, 4, 1), electric="0", diesel="500")
    second = heard(three, next(each for each in cases_of(share) if each.report_id == april.id))
    note_end(three, second, date(2026, 4, 30))
    proposed(three, second)
    assert tasks.counts(three.dora)["approve_sanction"] == 2
    assert (asked_for(dora), asked_for(adam)) == ((1, 0), (1, 0))


def test_the_database_and_the_case_say_the_same_of_who_prepared_it(three: World) -> None:
    """Of the day that was noted too: it bars while it ends the breach and days cost, and not where it sets nothing."""
    sanction, ruth = noted(three, three.ruth), three.ruth.person_id
    assert set(impartiality.prepared(sanction.deviation)) == by_rows(sanction) == {ruth, three.adam.person_id}
    with transaction():
        sanction.proposers = [*sanction.proposers, three.rita.person_id]
    assert set(impartiality.prepared(sanction.deviation)) == by_rows(sanction)
    assert three.rita.person_id in by_rows(sanction)
    with transaction():
        sanction.step = "warning"
    assert ruth not in by_rows(sanction)
    assert set(impartiality.prepared(sanction.deviation)) == by_rows(sanction)
