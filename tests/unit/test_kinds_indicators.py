from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kinds.base import Aggregate, Indicator, Measure, Tally, missing
from portal.text import same

unhurried = settings(deadline=None)  # a busy machine is no fault of the code

CLEAN = {"zero_emission": "yes"}
DIRTY = {"zero_emission": "no"}
STAGES = ("older", "IIIA", "IV", "V", "zero_emission")


def indicator(aggregate: Aggregate, measure: str = "energy", unit: str = "kWh", **more: object) -> Indicator:
    return Indicator("key", same("Title"), same("Sentence"), unit, aggregate, measure, **more)  # type: ignore[arg-type]


def energy(amount: str, dimensions: dict[str, str]) -> Measure:
    return Measure("energy", Decimal(amount), "kWh", dimensions)


def stage(key: str) -> list[Measure]:
    return [Measure("machines", Decimal(1), "", {"stage": key})]


SHARE = indicator("share", unit="%", where=CLEAN)
TOTAL = indicator("sum", lower_is_better=True)
LOWEST = indicator("minimum", "machines", "", choices_of="stage")
LINES = {
    "a": [energy("30", CLEAN), Measure("hours", Decimal(10), "h", CLEAN)],
    "b": [energy("90", DIRTY), Measure("hours", Decimal(10), "h", DIRTY)],
    "c": [energy("0", CLEAN)],
}


def test_a_sum_adds_the_lines_that_match() -> None:
    assert TOTAL.figure(LINES) == Tally(Decimal(120), Decimal(120), None, ("a", "b"), "kWh")
    assert indicator("sum", where=CLEAN).figure(LINES) == Tally(Decimal(30), Decimal(30), None, ("a",), "kWh")


def test_a_share_is_kept_as_numerator_and_denominator() -> None:
    assert SHARE.figure(LINES) == Tally(Decimal(25), Decimal(30), Decimal(120), ("a",), "%")


def test_energy_and_hours_are_two_shares() -> None:
    assert SHARE.figure(LINES).value == 25
    assert indicator("share", "hours", "%", where=CLEAN).figure(LINES).value == 50


def test_a_count_counts_lines() -> None:
    assert indicator("count", where=CLEAN, unit="").figure(LINES) == Tally(Decimal(2), Decimal(2), None, ("a", "c"), "")


@pytest.mark.parametrize("lines", [{}, {"a": [energy("0", CLEAN)]}])
def test_a_share_of_nothing_has_no_value_and_says_why(lines: dict[str, list[Measure]]) -> None:
    found = SHARE.figure(lines)
    assert (found.value, found.denominator) == (None, Decimal(0))
    assert found.reason is not None
    assert found.reason.nb == "Kan ikke beregnes: det er ikke rapportert noe å regne av."


def test_the_sum_of_no_lines_is_zero() -> None:
    assert TOTAL.figure({}) == Tally(Decimal(0), Decimal(0), None, (), "kWh")


@pytest.mark.parametrize("asked", [TOTAL, SHARE])
def test_one_missing_factor_leaves_the_figure_without_a_value(asked: Indicator) -> None:
    found = asked.figure({**LINES, "d": [missing("energy", DIRTY)]})
    assert found.value is None
    assert found.gaps == ("d",)
    assert found.reason is not None
    assert found.reason.nb.endswith("faktorutgave: 1.")


def test_a_missing_factor_for_another_measure_does_no_harm() -> None:
    assert TOTAL.figure({**LINES, "d": [missing("emissions_co2", DIRTY)]}).value == 120


def test_lines_that_are_counted_in_something_else_give_no_false_zero() -> None:
    found = indicator("sum", "emissions_co2e", "kg CO2e").figure(LINES)
    assert found.value is None
    assert found.reason is not None
    assert found.reason.en == "Cannot be computed: no line is counted in kg CO2e."


def test_two_units_are_never_added() -> None:
    mixed = {"a": [Measure("amount", Decimal(1), "l"), Measure("amount", Decimal(1), "kWh")]}
    with pytest.raises(ValueError, match="kWh, l"):
        indicator("sum", "amount", "l").figure(mixed)


def test_a_minimum_counts_the_lines_that_break_it() -> None:
    lines = {"a": stage("V"), "b": stage("IIIA"), "c": stage("zero_emission"), "d": stage("older")}
    assert LOWEST.figure(lines, "IV", STAGES) == Tally(
        Decimal(2), Decimal(2), Decimal(4), ("b", "d"), "", extreme="older"
    )
    assert LOWEST.figure(lines, "older", STAGES).numerator == 0


def test_a_minimum_without_a_threshold_shows_the_lowest_lines() -> None:
    found = LOWEST.figure({"a": stage("V"), "b": stage("IIIA"), "c": stage("IIIA")}, None, STAGES)
    assert (found.extreme, found.lines, found.numerator) == ("IIIA", ("b", "c"), Decimal(0))


def test_a_maximum_looks_the_other_way() -> None:
    hottest = indicator("maximum", "energy", "kWh")
    found = hottest.figure(LINES, Decimal(50))
    assert (found.numerator, found.denominator, found.lines, found.extreme) == (Decimal(1), Decimal(3), ("b",), "90")
    assert hottest.figure(LINES, "90").numerator == 0, "the threshold itself keeps to it"


def test_a_minimum_of_nothing_has_no_value() -> None:
    assert LOWEST.figure({}, "IV", STAGES).value is None
    assert LOWEST.figure({}, "IV", STAGES).reason is not None


def test_an_unknown_stage_is_an_error_and_no_breach() -> None:
    with pytest.raises(ValueError, match="tuple"):
        LOWEST.figure({"a": stage("VI")}, "IV", STAGES)
    with pytest.raises(ValueError, match="tuple"):
        LOWEST.figure({"a": stage("V")}, "VI", STAGES)


@pytest.mark.parametrize(
    ("asked", "threshold", "met"),
    [
        (SHARE, "25", True),
        (SHARE, "25.000001", False),
        (SHARE, Decimal(24), True),
        (TOTAL, "120", True),
        (TOTAL, "119.999999", False),
    ],
)
def test_a_threshold_is_met_from_the_side_that_is_good(asked: Indicator, threshold: str, met: bool) -> None:
    assert asked.met(asked.figure(LINES), threshold) is met


def test_a_requirement_may_compare_the_other_way() -> None:
    assert SHARE.met(SHARE.figure(LINES), "30", "at_most") is True
    assert TOTAL.met(TOTAL.figure(LINES), "100", "at_least") is True


def test_a_minimum_is_met_when_no_line_breaks_it() -> None:
    lines = {"a": stage("V"), "b": stage("IIIA")}
    assert LOWEST.met(LOWEST.figure(lines, "IIIA", STAGES), "IIIA") is True
    assert LOWEST.met(LOWEST.figure(lines, "IV", STAGES), "IV") is False


def test_what_cannot_be_computed_is_neither_met_nor_broken() -> None:
    assert SHARE.met(SHARE.figure({}), "25") is None


AMOUNTS = st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), max_size=8)


def lines_of(amounts: list[tuple[int, bool]], prefix: str) -> dict[str, list[Measure]]:
    return {
        f"{prefix}{n}": [energy(str(amount), CLEAN if clean else DIRTY)] for n, (amount, clean) in enumerate(amounts)
    }


@unhurried
@given(AMOUNTS, AMOUNTS)
def test_numerators_and_denominators_add_up_across_reports(
    one: list[tuple[int, bool]], two: list[tuple[int, bool]]
) -> None:
    first, second = lines_of(one, "a"), lines_of(two, "b")
    apart = [SHARE.figure(first), SHARE.figure(second)]
    together = SHARE.figure({**first, **second})
    assert together.numerator == apart[0].numerator + apart[1].numerator
    assert together.denominator == (apart[0].denominator or 0) + (apart[1].denominator or 0)
    assert together.value == SHARE.value(together.numerator, together.denominator)
    assert together.value is None or 0 <= together.value <= 100
