"""Each amount of energy counts once, wherever the contract says that it counts; the rest only reconciles."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import factors, kinds
from portal.factors import Basis
from portal.kinds import carriers, sharing, site
from portal.kinds.base import Line, Setting
from portal.kinds.carriers import CountedFrom
from tests.unit.kind_lines import BASIS, CURRENT, DIESEL, KINDS, MARCH, delivered, line, lorry, machine, meter


def whole_site(lines: list[Line], counted: Mapping[str, str], setting: Setting = MARCH) -> dict[str, Decimal | None]:
    """Energy of all that counts, in kWh, by indicator."""
    setting = replace(setting, counted=counted)
    by_kind = {key: [each for each in lines if each.key.startswith(key)] for key in KINDS}
    measures = site.counted({key: kind.measure(by_kind[key], setting) for key, kind in KINDS.items()})
    return {each.key: kinds.WHOLE_SITE.figure(each.key, measures).value for each in kinds.WHOLE_SITE.indicators}


SAME_DIESEL = [machine("diesel", "600"), lorry("diesel", "400"), delivered("diesel", "1000"), meter("diesel", "1000")]


@pytest.mark.parametrize("place", list(CountedFrom))
def test_the_same_diesel_told_three_times_counts_once(place: CountedFrom) -> None:
    assert whole_site(SAME_DIESEL, {"": place})["energy"] == 1000 * DIESEL


def test_each_carrier_counts_where_the_contract_says() -> None:
    lines = [
        machine("diesel", "900"),
        delivered("diesel", "1000"),
        machine("electricity", "450"),
        meter("electricity", "500"),
    ]
    found = whole_site(lines, {"diesel": "deliveries", "electricity": "meters"})
    assert found["energy"] == 1000 * DIESEL + 500 * CURRENT
    assert whole_site(lines, {"": "use"})["energy"] == 900 * DIESEL + 450 * CURRENT


def test_what_is_left_in_the_tank_is_not_used() -> None:
    lines = [delivered("diesel", "1000"), delivered("diesel", "300", "closing_stock"), machine("diesel", "700")]
    assert whole_site(lines, {"": "deliveries"})["energy"] == 700 * DIESEL


def test_heating_and_huts_count_beside_the_machines_and_not_twice() -> None:
    lines = [machine("electricity", "500"), meter("electricity", "500"), meter("electricity", "200", "heating")]
    assert whole_site(lines, {"": "use"})["energy"] == 700
    assert whole_site(lines, {"": "meters"})["energy"] == 700
    oil = [delivered("hvo", "100"), meter("hvo", "100", "heating")]
    one = whole_site(oil[:1], {"": "deliveries"})["energy"]
    assert one
    assert whole_site(oil, {"": "deliveries"})["energy"] == whole_site(oil, {"": "use"})["energy"] == one


def test_transport_outside_the_fence_counts_only_when_the_contract_goes_that_far() -> None:
    lines = [lorry("diesel", "100", filled="elsewhere"), lorry("diesel", "50", filled="elsewhere", fence="outside")]
    assert whole_site(lines, {"": "deliveries"})["energy"] == 100 * DIESEL
    outside = replace(MARCH, basis=replace(BASIS, boundary="outside"))
    assert whole_site(lines, {"": "deliveries"}, outside)["energy"] == 150 * DIESEL


def test_current_made_on_site_counts_as_the_diesel_it_was_made_from() -> None:
    generator = [
        machine("diesel", "100"),
        line(
            "machinery", machine="m-2", carrier="electricity_generator", stage="zero_emission", hours="9", amount="300"
        ),
    ]
    found = whole_site(generator, {"": "use"})
    assert (found["energy"], found["zero_emission_share_energy"]) == (100 * DIESEL, Decimal(0))


def test_co2_and_co2e_stay_apart_over_the_whole_site() -> None:
    norway = replace(MARCH, basis=Basis(factors.edition("nir-2021"), factors.edition("nve-2023")))
    found = whole_site([machine("diesel", "100"), machine("electricity", "1000")], {"": "use"}, norway)
    assert (found["emissions_co2"], found["emissions_co2e"]) == (Decimal(266), Decimal(15))


AMOUNTS = st.integers(0, 10**6).map(str)
CARRIERS = st.sampled_from(["diesel", "electricity", "hvo"])
LINES = st.lists(
    st.one_of(
        st.builds(machine, CARRIERS, AMOUNTS),
        st.builds(lorry, CARRIERS, AMOUNTS, filled=st.sampled_from(["site", "elsewhere"])),
        st.builds(meter, CARRIERS, AMOUNTS, st.sampled_from(["machines", "heating", "huts"])),
        st.builds(delivered, CARRIERS, AMOUNTS),
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    lines=LINES,
    counted=st.dictionaries(st.sampled_from(["", "diesel", "electricity"]), st.sampled_from(list(CountedFrom))),
)
def test_nothing_counts_twice_whatever_is_reported(lines: list[Line], counted: dict[str, str]) -> None:
    """Of each carrier, what counts is what one place tells of it, and what no other place could tell."""
    expected = Decimal(0)
    for each in lines:
        kind = each.key.partition("-")[0]
        carrier = each.text("product" if kind == "fuel" else "carrier")
        place = counted.get(carrier, counted.get("", "use"))
        if carrier in {"electricity", "district_heat"} and carrier not in counted and place == "deliveries":
            place = "use"  # no tanker brings it
        told_from = {"machinery": "use", "transport": "use", "energy": "meters", "fuel": "deliveries"}[kind]
        alone = each.text("filled") == "elsewhere" or (
            kind == "energy" and each.text("purpose") != "machines" and place != "deliveries"
        )
        if alone or place == told_from:
            energy = BASIS.energy(carrier, each.number("amount") or Decimal(0), each.unit("amount"))
            assert energy
            expected += energy.kwh
    assert (whole_site(lines, counted)["energy"] or 0) == expected


# -- reconciled -------------------------------------------------------------------------------------------------------


def told(kind: str, lines: list[Line]) -> list[tuple[str, str]]:
    others: dict[str, list[Line]] = {}
    for key, each in KINDS.items():
        if key != kind:
            others.setdefault(each.tells, []).extend(line for line in lines if line.key.startswith(key))
    own = [each for each in lines if each.key.startswith(kind)]
    return [
        (problem.rule, problem.severity)
        for problem in KINDS[kind].check(own, replace(MARCH, others=others))
        if problem.rule.endswith("reconciles")
    ]


@pytest.mark.parametrize(("used", "differs"), [("1000", False), ("900", False), ("899", True), ("1112", True)])
def test_deliveries_that_differ_from_use_ask_for_a_reason(used: str, differs: bool) -> None:
    """Within ten per cent of the larger of the two nobody is asked."""
    lines = [delivered("diesel", "1000"), machine("diesel", used)]
    assert told("fuel", lines) == ([("fuel.reconciles", "warning")] if differs else [])


def test_what_vehicles_fill_elsewhere_is_no_part_of_the_deliveries() -> None:
    lines = [delivered("diesel", "1000"), machine("diesel", "600"), lorry("diesel", "400")]
    assert told("fuel", lines) == []
    assert told("fuel", [*lines[:2], lorry("diesel", "400", filled="elsewhere")]) == [("fuel.reconciles", "warning")]


def test_meters_for_charging_are_held_against_the_machines() -> None:
    lines = [meter("electricity", "1000"), meter("electricity", "5000", "huts"), machine("electricity", "980")]
    assert told("energy", lines) == []
    assert told("energy", [*lines[:2], machine("electricity", "500")]) == [("energy.reconciles", "warning")]


def problems_of(kind: str, lines: list[Line], counted: Mapping[str, str]) -> list[str]:
    others: dict[str, list[Line]] = {}
    for key, each in KINDS.items():
        if key != kind:
            others.setdefault(each.tells, []).extend(line for line in lines if line.key.startswith(key))
    own = [each for each in lines if each.key.startswith(kind)]
    return [each.rule for each in KINDS[kind].check(own, replace(MARCH, others=others, counted=counted))]


def test_what_counts_from_deliveries_or_meters_and_is_not_told_there_asks_for_a_reason() -> None:
    """Else the energy would count as nothing, and nobody would be told."""
    assert "fuel.counted_here" in problems_of("fuel", [machine("diesel", "1000")], {"": "deliveries"})
    assert "fuel.counted_here" not in problems_of("fuel", [machine("diesel", "1000")], {"": "use"})
    assert "energy.counted_here" in problems_of("energy", [machine("electricity", "9")], {"electricity": "meters"})
    lines = [machine("electricity", "9"), meter("electricity", "9")]
    assert "energy.counted_here" not in problems_of("energy", lines, {"electricity": "meters"})


def test_where_all_comes_by_deliveries_what_is_piped_still_counts_and_the_rest_is_asked_for() -> None:
    """A hut's current and an oil heater, and no delivery: neither may vanish without a word."""
    counted = {"": "deliveries"}
    current, oil = meter("electricity", "5000", "huts"), meter("heating_oil", "500", "heating")
    assert whole_site([current, oil], counted)["energy"] == 5000
    assert "fuel.counted_here" in problems_of("fuel", [current, oil], counted)
    assert "fuel.counted_here" not in problems_of("fuel", [current], counted)
    assert [text.en for text in carriers.counted_in_words(counted)][1:] == [
        f"{what} comes by no tanker, and is therefore counted where it is used."
        for what in ("Electricity", "District heat")
    ]


def test_a_line_of_one_kind_never_takes_the_place_of_anothers() -> None:
    """Line keys come from outside: the same key in two kinds must not hide one of the two."""
    diesel, current = machine("diesel", "1000"), meter("electricity", "1", "huts")
    twin = Line(diesel.key, current.values)
    setting = replace(MARCH, counted={"": "use"})
    lines = {"machinery": [diesel], "energy": [twin]}
    measures = {key: KINDS[key].measure(own, setting) for key, own in lines.items()}
    found = kinds.WHOLE_SITE.figure("energy", site.counted(measures)).value
    assert found == 1000 * DIESEL + 1


def test_where_the_counted_place_is_named_in_words() -> None:
    sentences = [text.nb for text in carriers.counted_in_words({"diesel": "deliveries", "": "use"})]
    assert sentences[0].startswith("Diesel telles fra leveransene")
    assert sentences[1].startswith("All annen energi telles der den er brukt")
    assert carriers.counted_in_words({})[0].nb.startswith("All energi telles der den er brukt")


# -- one tank for many ------------------------------------------------------------------------------------------------


@given(
    total=st.decimals(0, 10**6, places=3),
    hours=st.dictionaries(st.integers(1, 99).map(str), st.decimals(0, 744, places=1), min_size=1, max_size=20),
)
def test_shares_of_a_tank_add_up_to_the_tank(total: Decimal, hours: dict[str, Decimal]) -> None:
    if not any(hours.values()):
        with pytest.raises(ValueError, match="nothing to divide by"):
            sharing.shared(total, hours)
        return
    shares = sharing.shared(total, hours)
    assert sum(shares.values()) == total
    assert all(share >= 0 for share in shares.values())
    assert all(shares[key] == 0 for key, own in hours.items() if not own)


def test_a_tank_is_shared_by_hours() -> None:
    assert sharing.shared(Decimal(100), {"a": Decimal(10), "b": Decimal(20), "c": Decimal(0)}) == {
        "a": Decimal("33.3"),
        "b": Decimal("66.7"),
        "c": Decimal(0),
    }
