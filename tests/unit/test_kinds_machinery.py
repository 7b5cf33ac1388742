from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count

import pytest

from portal import factors, kinds
from portal.factors import Basis
from portal.factors.efficiency import read as read_efficiencies
from portal.kinds.base import Choice, Kind, Line, Measure, Problem, Setting, Unit
from portal.text import same

KIND: Kind = kinds.kind("machinery").bound(
    {"machines": tuple(Choice(f"m-{n}", same(f"Gravemaskin {n}")) for n in range(1, 5))}
)
DESNZ = factors.edition("desnz-2025-ttw")
NORWAY = Basis(factors.edition("nir-2021"), factors.edition("nve-2023"))
MARCH = Setting(date(2026, 3, 1), date(2026, 3, 31), NORWAY)
_numbers = count()


def line(
    machine: str, carrier: str, amount: str, hours: str = "100", *, stage: str = "V", source: str = "invoice"
) -> Line:
    raw = {"machine": machine, "carrier": carrier, "stage": stage, "hours": hours}
    read = KIND.read({**raw, "amount": amount, "amount_source": source})
    assert read.problems == ()
    return Line(f"line-{next(_numbers)}", read.values)


def electric(machine: str, amount: str, hours: str = "100", source: str = "metered") -> Line:
    return line(machine, "electricity", amount, hours, stage="zero_emission", source=source)


def problems(lines: list[Line], setting: Setting = MARCH) -> list[tuple[str, str, str, str]]:
    found = KIND.check(lines, setting)
    return [(each.rule.removeprefix("machinery."), each.field, each.line, each.severity) for each in found]


def only(lines: list[Line], setting: Setting = MARCH) -> Problem:
    found = KIND.check(lines, setting)
    assert len(found) == 1
    return found[0]


def figure(key: str, lines: list[Line], basis: Basis = NORWAY, threshold: str | None = None) -> Decimal | None:
    return KIND.figure(key, KIND.measure(lines, replace(MARCH, basis=basis)), threshold).value


def measure(of: Line, key: str, basis: Basis = NORWAY) -> Measure:
    [found] = [each for each in KIND.measure([of], replace(MARCH, basis=basis))[of.key] if each.key == key]
    return found


# Counted by hand


def test_a_diesel_line_is_measured_with_its_factor_and_what_it_can_be_filtered_by() -> None:
    diesel = line("m-1", "diesel", "2 110", "162,5")
    traits = {"carrier": "diesel", "zero_emission": "no", "bio": "no", "counted": "yes", "stage": "V"}
    from_invoice = {**traits, "source": "invoice", "measured": "no"}
    assert measure(diesel, "energy") == Measure("energy", Decimal("21268.8"), "kWh", from_invoice, "nir-2021/diesel/l")
    assert measure(diesel, "emissions_co2") == Measure(
        "emissions_co2", Decimal("5612.6"), "kg CO2", from_invoice, "nir-2021/diesel/l"
    )
    assert measure(diesel, "litres").amount == 2110
    assert measure(diesel, "hours").amount == Decimal("162.5")
    assert measure(diesel, "hours").dimensions == {"carrier": "diesel", "zero_emission": "no", "stage": "V"}


def test_the_shares_are_four_different_numbers() -> None:
    """Diesel 200 l * 10.08 = 2 016 kWh in 30 h; electricity 504 kWh in 20 h; three machines."""
    lines = [line("m-1", "diesel", "100", "15"), line("m-2", "diesel", "100", "15"), electric("m-3", "504", "20")]
    assert figure("zero_emission_share_energy", lines) == 20  # 504 ÷ 2 520
    assert figure("zero_emission_share_hours", lines) == 40  # 20 ÷ 50
    share = figure("zero_emission_share_machines", lines)
    assert share is not None
    assert round(share, 4) == Decimal("33.3333")  # 1 ÷ 3
    assert figure("measured_share", lines) == 20


def test_co2_and_co2e_are_two_figures_that_are_never_added() -> None:
    lines = [line("m-1", "diesel", "2110"), electric("m-2", "1000")]
    assert figure("emissions_co2", lines) == Decimal("5612.6")
    assert figure("emissions_co2e", lines) == Decimal(15)


def test_direct_co2e_counts_both_in_one_figure_and_gives_no_co2() -> None:
    lines = [line("m-1", "diesel", "1000"), electric("m-2", "1000")]
    assert figure("emissions_co2e", lines, Basis(DESNZ)) == Decimal("2570.82")
    assert figure("emissions_co2e", lines, Basis(DESNZ, factors.edition("nve-2023"))) == Decimal("2585.82")
    assert figure("emissions_co2", lines, Basis(DESNZ)) is None


def test_litres_of_electric_machines_are_none_and_not_unknown() -> None:
    assert figure("liquid_fuel", [electric("m-1", "504")]) == 0
    assert figure("liquid_fuel", [line("m-1", "diesel", "100"), line("m-2", "hvo", "50"), electric("m-3", "9")]) == 150


def test_a_carrier_without_energy_content_leaves_the_energy_share_open_and_names_the_line() -> None:
    hvo = line("m-2", "hvo", "100")
    lines = [electric("m-1", "504"), hvo]
    tally = KIND.figure("zero_emission_share_energy", KIND.measure(lines, MARCH))
    assert (tally.value, tally.gaps) == (None, (hvo.key,))
    assert figure("zero_emission_share_hours", lines) == 50
    assert figure("energy", lines, replace(NORWAY, supplement=DESNZ)) == Decimal(1457)  # 504 + 100 * 9.53


def test_nothing_used_needs_no_factor() -> None:
    assert figure("energy", [line("m-1", "hydrogen", "0", "0", stage="zero_emission")]) == 0


def test_a_hybrid_is_one_machine_and_not_zero_emission() -> None:
    lines = [electric("m-1", "100"), line("m-1", "diesel", "100"), electric("m-2", "100")]
    assert figure("zero_emission_share_machines", lines) == 50
    assert (
        sum(
            measure.amount
            for own in KIND.measure(lines, MARCH).values()
            for measure in own
            if measure.key == "machines"
        )
        == 2
    )


def test_the_lowest_stage_counts_the_lines_below_it() -> None:
    lines = [line("m-1", "diesel", "1", stage="IIIA"), line("m-2", "diesel", "1", stage="older"), electric("m-3", "1")]
    measures = KIND.measure(lines, MARCH)
    tally = KIND.figure("lowest_stage", measures, "IIIB")
    assert (tally.numerator, tally.denominator, tally.extreme) == (Decimal(2), Decimal(3), "older")
    assert tally.lines == (lines[0].key, lines[1].key)
    lowest = KIND.indicator("lowest_stage")
    assert lowest.met(tally, "IIIB") is False
    assert lowest.met(KIND.figure("lowest_stage", measures, "older"), "older") is True


def test_stages_rise_from_older_to_zero_emission() -> None:
    stages = ["older", "I", "II", "IIIA", "IIIB", "IV", "V", "zero_emission"]
    assert [choice.key for choice in KIND.column("stage").choices] == stages


def test_a_frozen_revision_recomputes_to_the_same_figures() -> None:
    """What was stored under the description and functions of version 1 stays what it was."""
    frozen = Line(
        "frozen",
        {
            "machine": {"value": "m-1"},
            "carrier": {"value": "diesel"},
            "stage": {"value": "IIIB"},
            "hours": {"value": "160", "unit": "h"},
            "amount": {"value": "1234.567", "unit": "l", "source": "telematics"},
        },
    )
    first = replace(KIND, measures="machinery.measures@1")
    measured = {
        each.key: (str(each.amount), each.unit, each.factor) for each in first.measure([frozen], MARCH)["frozen"]
    }
    assert measured == {
        "energy": ("12444.435360", "kWh", "nir-2021/diesel/l"),  # 1 234.567 * 10.08
        "emissions_co2": ("3283.948220", "kg CO2", "nir-2021/diesel/l"),  # 1 234.567 * 2.66
        "litres": ("1234.567", "l", ""),
        "quantity": ("1234.567", "l", ""),
        "work.missing": ("1", "", ""),
        "machines": ("1", "", ""),
        "hours": ("160", "h", ""),
    }


# Rules


def test_sound_lines_have_no_problems() -> None:
    lines = [line("m-1", "diesel", "2110", "162,5"), electric("m-2", "1000"), line("m-3", "diesel", "0", "0")]
    assert problems(lines, replace(MARCH, previous=[line("m-1", "diesel", "1500")])) == []


def test_more_hours_than_the_period_has_is_an_error() -> None:
    february = replace(MARCH, starts_on=date(2026, 2, 1), ends_on=date(2026, 2, 28))
    busy = line("m-1", "diesel", "100", "672,5")
    assert problems([busy], february) == [("hours_in_period", "hours", busy.key, "error")]
    assert problems([line("m-1", "diesel", "100", "672")], february) == []
    assert only([busy], february).text.nb == (
        "Gravemaskin 1 har 672,5 timer, men sto bare 28 dager på plassen i perioden, det er høyst 672 timer. "
        "Rett timene, eller datoene i maskinregisteret."
    )


def test_hours_of_a_machine_are_added_over_its_lines() -> None:
    lines = [line("m-1", "diesel", "100", "400"), electric("m-1", "100", "400"), line("m-2", "diesel", "100", "400")]
    assert problems(lines) == [("hours_in_period", "hours", key, "error") for key in (lines[0].key, lines[1].key)]


def test_a_machine_twice_with_the_same_carrier_is_a_warning() -> None:
    lines = [line("m-1", "diesel", "100"), electric("m-1", "100"), line("m-1", "diesel", "100")]
    assert problems(lines) == [("machine_once", "machine", lines[2].key, "warning")]


@pytest.mark.parametrize(
    ("hours", "amount", "field", "rule"),
    [("0", "10", "hours", "amount_without_hours"), ("10", "0", "amount", "hours_without_amount")],
)
def test_energy_and_hours_go_together(hours: str, amount: str, field: str, rule: str) -> None:
    odd = line("m-1", "diesel", amount, hours)
    assert problems([odd]) == [(rule, field, odd.key, "warning")]


@pytest.mark.parametrize(("carrier", "stage"), [("electricity", "V"), ("hydrogen", "IV"), ("diesel", "zero_emission")])
def test_stage_and_carrier_fit(carrier: str, stage: str) -> None:
    odd = line("m-1", carrier, "10", stage=stage)
    assert problems([odd]) == [("stage_fits_carrier", "stage", odd.key, "warning")]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [("200", "2000", True), ("200", "1999", False), ("2000", "200", True), ("0", "2000", False), ("2000", "0", False)],
)
def test_ten_times_the_period_before_is_a_warning(before: str, now: str, told: bool) -> None:
    this = line("m-1", "diesel", now, "0" if now == "0" else "100")
    setting = replace(MARCH, previous=[line("m-1", "diesel", before), line("m-2", "diesel", "1")])
    expected = [("ten_times_previous", "amount", this.key, "warning")]
    assert problems([this], setting) == (expected if told else [])


def test_a_slip_is_told_with_both_figures() -> None:
    setting = replace(MARCH, previous=[line("m-1", "diesel", "211")])
    assert only([line("m-1", "diesel", "2110,5")], setting).text.nb == (
        "Gravemaskin 1: 2\u00a0110,5\u00a0l nå, 211\u00a0l i forrige periode. Kontroller desimaltegn og enhet."
    )


def test_another_carrier_is_not_compared() -> None:
    setting = replace(MARCH, previous=[electric("m-1", "20")])
    assert problems([line("m-1", "diesel", "2000")], setting) == []


# Fields


@pytest.mark.parametrize(("hours", "rule"), [("744,5", "maximum"), ("-1", "minimum"), ("", "required"), (True, "type")])
def test_hours_keep_to_a_month(hours: str | bool, rule: str) -> None:
    raw = {"machine": "m-1", "carrier": "diesel", "stage": "V", "amount": "1", "amount_source": "målt"}
    assert [problem.rule for problem in KIND.read({**raw, "hours": hours}).problems] == [rule]


def test_machines_come_from_the_contract() -> None:
    assert KIND.column("machine").identity
    assert next(iter(kinds.kind("machinery").read({"machine": "m-1"}).problems)).rule == "choice"


def test_a_machine_does_not_run_on_firewood() -> None:
    assert KIND.column("carrier").choice("firewood") is None
    assert kinds.kind("fuel").column("product").choice("firewood") is not None


# Against calendar, register and history


def test_hours_are_held_against_the_days_that_the_machine_stood_there() -> None:
    here = replace(MARCH, units={"m-1": Unit("crawler_excavator", "", 10)})
    assert problems([line("m-1", "diesel", "100", "240")], here) == []
    busy = line("m-1", "diesel", "100", "241")
    assert problems([busy], here) == [("hours_in_period", "hours", busy.key, "error")]


@pytest.mark.parametrize(
    ("litres", "told"), [("2200", False), ("8800", False), ("8801", True), ("550", False), ("549", True)]
)
def test_use_an_hour_far_from_what_is_usual_is_for_the_reviewer(litres: str, told: bool) -> None:
    """22 l/h is usual for 15 to 25 tonnes; 100 hours; pointed out above four times or below a fourth of that."""
    here = replace(MARCH, units={"m-1": Unit("crawler_excavator", "15_to_25", 31)})
    this = line("m-1", "diesel", litres)
    assert problems([this], here) == ([("use_an_hour", "amount", this.key, "flag")] if told else [])
    assert problems([this], replace(here, units={"m-1": Unit("crane", "15_to_25", 31)})) == []


@pytest.mark.parametrize(("now", "told"), [("1900", False), ("2500", True), ("400", True), ("500", False)])
def test_a_jump_against_the_machines_own_history_is_for_the_reviewer(now: str, told: bool) -> None:
    """The mean before is 10 l/h: told from 25 l/h, and at 4 l/h; three periods are needed to know."""
    earlier = [[line("m-1", "diesel", litres)] for litres in ("900", "1000", "1100")]
    this = line("m-1", "diesel", now)
    known = replace(MARCH, previous=earlier[0], older=earlier[1:])
    assert problems([this], known) == ([("against_history", "amount", this.key, "flag")] if told else [])
    assert problems([this], replace(known, older=earlier[1:2])) == []


def test_current_from_a_generator_is_not_zero_emission_and_its_energy_counts_as_diesel_only() -> None:
    lines = [
        line("m-1", "diesel", "100", "50"),
        line("m-2", "electricity_generator", "300", "50", stage="zero_emission", source="metered"),
    ]
    setting = replace(MARCH, units={"m-1": Unit("generator", "", 31)})
    said = [(rule, severity) for rule, _field, _line, severity in problems(lines, setting)]
    assert said == [("counted_at_generator", "info")]
    assert figure("energy", lines) == Decimal(1008)
    assert figure("zero_emission_share_energy", lines) == 0
    assert figure("zero_emission_share_hours", lines) == 0
    assert figure("zero_emission_share_machines", lines) == 0


def test_a_generators_fuel_is_asked_for_where_nobody_tells_it() -> None:
    fed = line("m-1", "electricity_generator", "1000")

    def asked(lines: list[Line], **more: object) -> bool:
        return any(rule == "generator_told" for rule, *_ in problems(lines, replace(MARCH, **more)))  # type: ignore[arg-type]

    assert asked([fed])
    assert asked([fed, line("m-2", "diesel", "300")]), "another machine's diesel"
    assert not asked([fed, line("m-2", "diesel", "300")], units={"m-2": Unit("generator", "", 31)})
    assert not asked([fed], others={"deliveries": [Line("f", {"amount": {"value": "300", "unit": "l"}})]})


def test_a_hybrid_that_burnt_nothing_this_month_is_zero_emission_this_month() -> None:
    lines = [electric("m-1", "100"), line("m-1", "diesel", "0", "0")]
    assert figure("zero_emission_share_machines", lines) == 100


# At the machine


def test_the_share_at_the_machine_needs_a_sourced_efficiency() -> None:
    lines = [line("m-1", "diesel", "100"), electric("m-2", "504")]
    tally = KIND.figure("zero_emission_share_work", KIND.measure(lines, MARCH))
    assert tally.value is None
    assert tally.reason is not None
    assert factors.efficiencies() == ()


def test_with_a_table_the_share_at_the_machine_is_delivered_energy_times_efficiency() -> None:
    """100 l * 10.08 * 0.4 = 403.2 kWh and 504 * 0.9 = 453.6 kWh."""
    table = read_efficiencies(
        {
            "key": "test-2026",
            "title": {"nb": "Prøvetabell", "en": "Test table"},
            "publisher": "Ingen",
            "year": 2026,
            "source": "made up for this test",
            "valid_from": "2026-01-01",
            "shares": {"diesel": "0.4", "electricity": "0.9"},
        }
    )
    basis = replace(NORWAY, efficiency=table)
    lines = [line("m-1", "diesel", "100"), electric("m-2", "504")]
    share = figure("zero_emission_share_work", lines, basis)
    assert share is not None
    assert round(share, 6) == round(Decimal("453.6") * 100 / Decimal("856.8"), 6)
    assert any("Prøvetabell" in sentence.nb for sentence in basis.sentences())
    assert measure(lines[0], "work", basis).factor == "test-2026/diesel"


def test_an_efficiency_is_a_share() -> None:
    table = {"key": "x", "title": {"nb": "x", "en": "x"}, "publisher": "x", "year": 2026, "source": "x"}
    with pytest.raises(ValueError, match="between 0 and 1: diesel"):
        read_efficiencies({**table, "valid_from": "2026-01-01", "shares": {"diesel": "40"}})


def test_a_machine_that_stood_there_and_is_not_reported_asks_for_a_reason() -> None:
    here = replace(MARCH, units={"m-1": Unit("crane", "", 31), "m-2": Unit("crane", "", 31)})
    assert problems([line("m-1", "diesel", "100")], here) == [("all_reported", "", "", "warning")]
    assert problems([line("m-1", "diesel", "100"), line("m-2", "diesel", "0", "0")], here) == []
    assert problems([], here) == []
