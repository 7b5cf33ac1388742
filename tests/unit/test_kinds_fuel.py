from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count

import pytest

from portal import factors, kinds
from portal.factors import REPLACES, Basis
from portal.kinds import carriers
from portal.kinds.base import Line, Setting

KIND = kinds.kind("fuel")
DESNZ = Basis(factors.edition("desnz-2025-ttw"))
MARCH = Setting(date(2026, 3, 1), date(2026, 3, 31), DESNZ)
_numbers = count()


def stock(entry: str, product: str, amount: str) -> Line:
    read = KIND.read({"entry": entry, "product": product, "amount": amount, "amount_source": "metered"})
    assert read.problems == ()
    return Line(f"line-{next(_numbers)}", read.values)


def delivery(
    product: str, amount: str, invoice: str = "", day: str = "14.03.2026", sustainability: str = "PoS-1"
) -> Line:
    number = next(_numbers)
    read = KIND.read(
        {
            "entry": "delivery",
            "product": product,
            "amount": amount,
            "amount_source": "invoice",
            "supplier": "Nordlys Drivstoff AS",
            "invoice": invoice or f"F-{number}",
            "delivered_on": day,
            "sustainability": sustainability,
        }
    )
    assert read.problems == ()
    return Line(f"line-{number}", read.values)


def problems(lines: list[Line], setting: Setting = MARCH) -> list[tuple[str, str, str, str]]:
    found = KIND.check(lines, setting)
    return [(each.rule.removeprefix("fuel."), each.field, each.line, each.severity) for each in found]


def figure(key: str, lines: list[Line], basis: Basis = DESNZ) -> Decimal | None:
    return KIND.figure(key, KIND.measure(lines, replace(MARCH, basis=basis))).value


def test_energy_emissions_and_litres_are_counted_by_hand() -> None:
    lines = [delivery("diesel", "1 000"), delivery("hvo", "500"), delivery("lng", "10")]
    assert figure("energy", lines) == Decimal("14781.5")  # 1 000 * 9.89 + 500 * 9.53 + 10 * 12.65
    assert figure("emissions_co2e", lines) == Decimal("2614.643")  # 2 570.82 + 500 * 0.03558 + 10 * 2.60330
    assert figure("emissions_co2", lines) is None
    assert figure("liquid_fuel", lines) == 1500


def test_the_share_of_biofuel_is_by_energy() -> None:
    lines = [delivery("diesel", "953"), delivery("hvo", "989")]
    assert figure("bio_share_energy", lines) == 50  # both hold 953 * 9.89 = 9 425.17 kWh
    assert figure("bio_share_energy", [delivery("diesel", "953")]) == 0


def test_an_invoice_is_no_measurement() -> None:
    assert figure("measured_share", [delivery("diesel", "100")]) == 0


def test_a_product_without_a_figure_leaves_the_sum_open() -> None:
    petrol = delivery("petrol", "10")  # the 2025 edition's figure is in doubt
    tally = KIND.figure("emissions_co2e", KIND.measure([delivery("diesel", "10"), petrol], MARCH))
    assert (tally.value, tally.gaps, tally.numerator) == (None, (petrol.key,), Decimal("25.7082"))


@pytest.mark.parametrize(
    ("day", "outside"),
    [("28.02.2026", True), ("01.03.2026", False), ("31.03.2026", False), ("01.04.2026", True), ("14.03.2025", True)],
)
def test_a_delivery_lies_in_the_period(day: str, outside: bool) -> None:
    line = delivery("diesel", "100", day=day)
    expected = [("delivered_in_period", "delivered_on", line.key, "error")]
    assert problems([line]) == (expected if outside else [])


def test_the_same_delivery_twice_is_a_warning() -> None:
    lines = [delivery("diesel", "100", "F-1"), delivery("diesel", "100", "F-1"), delivery("diesel", "101", "F-1")]
    assert problems(lines) == [("delivery_once", "invoice", lines[1].key, "warning")]


def test_biofuel_needs_its_document_and_diesel_does_not() -> None:
    lines = [delivery("hvo", "100", sustainability=""), delivery("diesel", "100", sustainability="")]
    assert problems(lines) == [("biofuel_documented", "sustainability", lines[0].key, "warning")]


def test_ten_times_the_period_before_is_told_once_per_product() -> None:
    lines = [delivery("diesel", "500"), delivery("diesel", "500"), delivery("hvo", "10")]
    setting = replace(MARCH, previous=[delivery("diesel", "100"), delivery("hvo", "50")])
    assert problems(lines, setting) == [("ten_times_previous", "amount", lines[0].key, "warning")]
    assert problems(lines, replace(setting, previous=[delivery("diesel", "101"), delivery("hvo", "50")])) == []


# Stock


def test_what_was_used_is_opening_stock_and_deliveries_less_closing_stock() -> None:
    lines = [
        stock("opening_stock", "diesel", "300"),
        delivery("diesel", "1000"),
        stock("closing_stock", "diesel", "200"),
    ]
    assert figure("liquid_fuel", lines) == 1100
    assert figure("energy", lines) == Decimal(10879)  # 1 100 * 9.89


def test_more_left_than_there_was_is_an_error() -> None:
    lines = [stock("opening_stock", "diesel", "300"), stock("closing_stock", "diesel", "301")]
    assert problems(lines) == [("stock_is_possible", "amount", lines[1].key, "error")]


def test_stock_at_the_start_is_what_was_left_before() -> None:
    setting = replace(MARCH, previous=[stock("closing_stock", "diesel", "200")])
    [same_stock, more] = [stock("opening_stock", "diesel", amount) for amount in ("200", "210")]
    assert problems([same_stock], setting) == []
    assert problems([more], setting) == [("stock_carries_over", "amount", more.key, "warning")]


def test_a_delivery_says_who_and_on_which_invoice_and_stock_does_not() -> None:
    bare = Line(
        "bare", KIND.read({"entry": "delivery", "product": "diesel", "amount": "1", "amount_source": "invoice"}).values
    )
    assert problems([bare, stock("opening_stock", "diesel", "1")]) == [
        ("delivery_named", field, "bare", "error") for field in ("supplier", "invoice", "delivered_on")
    ]


# Carriers


def test_every_carrier_has_one_key_and_one_unit() -> None:
    keys = [carrier.key for carrier in carriers.CARRIERS]
    assert len(set(keys)) == len(keys)
    assert {carrier.unit for carrier in carriers.CARRIERS} == {"l", "kg", "kWh"}


def test_every_liquid_biofuel_that_a_policy_knows_is_a_carrier() -> None:
    for bio, fossil in REPLACES.items():
        assert carriers.carrier(bio).bio
        assert not carriers.carrier(fossil).bio
        assert carriers.carrier(bio).unit == carriers.carrier(fossil).unit == "l"
    assert set(REPLACES) == {each.key for each in carriers.CARRIERS if each.bio and each.unit == "l"}


def test_every_figure_of_the_norwegian_table_can_be_used_in_the_unit_that_is_reported() -> None:
    for factor in factors.edition("nir-2021").factors:
        if factor.carrier != "natural_gas" and (factor.carrier, factor.unit) != ("lpg", "l"):
            assert carriers.carrier(factor.carrier).unit == factor.unit


def test_biogas_is_no_zero_emission_carrier() -> None:
    assert {each.key for each in carriers.CARRIERS if each.zero_emission} == {"electricity", "hydrogen"}
