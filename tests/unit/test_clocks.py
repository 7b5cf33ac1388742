"""Whose time it was: working days with each side, written out by hand."""

from datetime import UTC, datetime

import pytest

from portal.operations.cases.clocks import Held, Side, days_with, given_to_buyer

ZONE = "Europe/Oslo"
NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
"""A Monday."""


def at(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def supplier(since: datetime, until: datetime | None) -> Held:
    return Held(Side.SUPPLIER, since, until)


def buyer(since: datetime, until: datetime | None) -> Held:
    return Held(Side.BUYER, since, until)


CASES = {
    "nobody has had it": ([], 0, 0),
    "within one day": ([supplier(at(4, 14, 8), at(4, 14, 14))], 0, 0),
    "Tuesday to Friday is three days": ([supplier(at(4, 14), at(4, 17))], 3, 0),
    "over a weekend": ([supplier(at(4, 10), at(4, 13))], 1, 0),
    "over Easter: 1 to 7 April is Tuesday alone, for 2, 3 and 6 April are holidays": (
        [supplier(at(4, 1), at(4, 7))],
        1,
        0,
    ),
    "still running": ([supplier(at(4, 15), None)], 3, 0),
    "the two sides in turn": ([buyer(at(4, 13), at(4, 14)), supplier(at(4, 14), at(4, 16))], 2, 1),
    "time that nobody had it counts for nobody": ([buyer(at(4, 7), at(4, 8)), supplier(at(4, 14), at(4, 15))], 1, 1),
    "more time granted: the step ends and begins again at once": (
        [supplier(at(4, 13), at(4, 15)), supplier(at(4, 15), at(4, 17))],
        4,
        0,
    ),
    "two steps of one side at once count once": ([buyer(at(4, 13), at(4, 16)), buyer(at(4, 14), at(4, 17))], 0, 4),
    "one step within another": ([buyer(at(4, 13), at(4, 17)), buyer(at(4, 14), at(4, 15))], 0, 4),
    "23:30 in Oslo is still the day before midnight there": (
        [supplier(at(4, 14, 21), at(4, 14, 23))],
        1,
        0,
    ),
    "summer time begins on 29 March": ([supplier(at(3, 27), at(3, 30))], 1, 0),
}


@pytest.mark.parametrize(("held", "with_supplier", "with_buyer"), CASES.values(), ids=CASES.keys())
def test_working_days_with_each_side(held: list[Held], with_supplier: int, with_buyer: int) -> None:
    assert days_with(held, NOW, "NO", ZONE) == {Side.SUPPLIER: with_supplier, Side.BUYER: with_buyer}


def test_what_the_supplier_waited_for_the_buyer_s_answer_is_the_buyer_s_time() -> None:
    """Monday to Friday; due on Tuesday, asked for more time, answered on Thursday: two of four days are the buyer's."""
    waits = [(at(4, 14), at(4, 16))]
    held = given_to_buyer([buyer(at(4, 10), at(4, 13)), supplier(at(4, 13), at(4, 17))], waits, NOW)
    assert days_with(held, NOW, "NO", ZONE) == {Side.SUPPLIER: 2, Side.BUYER: 1 + 2}
    still = given_to_buyer([supplier(at(4, 13), None)], [(at(4, 14), NOW)], NOW)
    assert days_with(still, NOW, "NO", ZONE) == {Side.SUPPLIER: 1, Side.BUYER: 4}
    assert given_to_buyer([buyer(at(4, 10), at(4, 13))], waits, NOW) == [buyer(at(4, 10), at(4, 13))]


def test_the_order_of_the_steps_does_not_matter() -> None:
    held = [buyer(at(4, 14), at(4, 15)), buyer(at(4, 13), at(4, 17)), supplier(at(4, 7), at(4, 8))]
    assert days_with(held, NOW, "NO", ZONE) == days_with(reversed(held), NOW, "NO", ZONE)


def test_another_country_has_other_holidays() -> None:
    held = [supplier(at(4, 1), at(4, 2))]
    assert days_with(held, NOW, "NO", ZONE)[Side.SUPPLIER] == 0, "Maundy Thursday"
    assert days_with(held, NOW, "SE", "Europe/Stockholm")[Side.SUPPLIER] == 1
