"""Transport and energy on site: counted by hand, and what their rules point out."""

from dataclasses import replace
from decimal import Decimal

import pytest

from portal.kinds.base import Line
from tests.unit.kind_lines import KINDS, MARCH, line, lorry, meter


def problems(kind: str, lines: list[Line], previous: list[Line] | None = None) -> list[tuple[str, str, str]]:
    found = KINDS[kind].check(lines, replace(MARCH, previous=previous or []))
    return [(each.rule.partition(".")[2], each.field, each.severity) for each in found]


def figure(kind: str, key: str, lines: list[Line]) -> Decimal | None:
    return KINDS[kind].figure(key, KINDS[kind].measure(lines, MARCH)).value


def trip(distance: str, amount: str, carrier: str = "diesel", euro: str = "euro_6", load: str = "") -> Line:
    where = {"purpose": "masses", "fence": "inside", "filled": "elsewhere"}
    return line(
        "transport",
        vehicle="v-1",
        carrier=carrier,
        euro_class=euro,
        distance=distance,
        load=load,
        amount=amount,
        **where,
    )


def test_kilometres_and_tonne_kilometres_are_added_and_the_share_is_of_all() -> None:
    lines = [trip("300", "120", load="14"), trip("100", "90", "electricity", "zero_emission", load="8")]
    assert figure("transport", "distance", lines) == 400
    assert figure("transport", "transport_work", lines) == 300 * 14 + 100 * 8
    assert figure("transport", "zero_emission_share_distance", lines) == 25


def test_the_lowest_euro_class_counts_the_lines_below_it() -> None:
    lines = [trip("1", "1", euro="euro_5"), trip("1", "1"), trip("1", "1", euro="older")]
    measures = KINDS["transport"].measure(lines, MARCH)
    tally = KINDS["transport"].figure("lowest_euro_class", measures, "euro_6")
    assert (tally.numerator, tally.denominator, tally.extreme) == (Decimal(2), Decimal(3), "older")


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (trip("100", "40"), []),
        (trip("100", "0"), [("amount_given", "amount", "warning")]),
        (trip("100", "101"), [("use_a_distance", "amount", "flag")]),
        (trip("100", "40", euro="zero_emission"), [("class_fits_carrier", "euro_class", "warning")]),
    ],
)
def test_what_is_odd_about_a_trip_is_told(odd: Line, told: list[tuple[str, str, str]]) -> None:
    assert problems("transport", [odd]) == told


def test_the_same_errand_twice_is_told_and_another_is_not() -> None:
    assert problems("transport", [lorry("diesel", "9"), lorry("diesel", "9")]) == [
        ("vehicle_once", "vehicle", "warning")
    ]
    assert problems("transport", [lorry("diesel", "9"), lorry("diesel", "9", fence="outside")]) == []


def test_heating_is_told_apart_from_the_rest() -> None:
    lines = [meter("electricity", "700", "huts"), meter("district_heat", "300", "heating")]
    assert figure("energy", "energy", lines) == 1000
    assert figure("energy", "heating_energy", lines) == 300
    assert figure("energy", "zero_emission_share_energy", lines) == 70


def test_a_meter_is_read_once_and_a_slip_is_told() -> None:
    assert problems("energy", [meter("electricity", "1"), meter("electricity", "1")]) == [
        ("meter_once", "meter", "warning")
    ]
    assert problems("energy", [meter("electricity", "5000")], [meter("electricity", "500")]) == [
        ("ten_times_previous", "amount", "warning")
    ]
