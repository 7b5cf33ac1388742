"""The starter catalogue names what is there, and offers what the issue asks for."""

from dataclasses import replace
from decimal import Decimal

import pytest

from portal import factors, kinds
from portal.kinds import site as whole
from portal.kinds import starters
from portal.kinds.base import Unit
from portal.kinds.starters import OFFERS, Offer
from portal.model import ACCOUNT_DUTY, DUTIES_TO_FILE, PLAN_DUTY, REPORTING_DUTY, Comparison, PeriodPurpose, Window
from tests.unit.kind_lines import KINDS, MARCH, line


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.key)
def test_an_offer_is_about_a_figure_that_is_there(offer: Offer) -> None:
    assert Comparison(offer.comparison)
    assert {Window(each) for each in offer.windows}
    assert offer.wording.nb != offer.wording.en
    assert all(text.nb and text.en for text in (offer.title, offer.means, offer.wording))
    if not offer.kinds:
        assert offer.indicator in DUTIES_TO_FILE
    for key in offer.kinds:
        indicator = kinds.described(key).indicator(offer.indicator)
        if indicator.choices_of:
            assert kinds.described(key).column(indicator.choices_of).choice(offer.threshold)
        else:
            assert Decimal(offer.threshold) >= 0


def test_what_the_issue_names_is_offered() -> None:
    assert {offer.indicator for offer in OFFERS} == {
        "zero_emission_share_work",
        "zero_emission_share_energy",
        "zero_emission_share_hours",
        "zero_emission_share_machines",
        "lowest_stage",
        "lowest_euro_class",
        "fossil_lines",
        "measured_share",
        REPORTING_DUTY,
        PLAN_DUTY,
        ACCOUNT_DUTY,
    }


def test_a_contract_is_offered_what_its_reports_can_show() -> None:
    offered = {offer.key for offer in starters.offers(frozenset({"machinery"}))}
    assert "minimum_stage" in offered
    assert "minimum_euro_class" not in offered
    assert {"no_fossil_fuel", "report_on_time", "plan_after_start"} <= offered
    assert starters.offer("minimum_stage") in OFFERS
    assert starters.offer("unheard_of") is None


def test_what_is_filed_once_has_its_kinds_and_is_no_part_of_a_month() -> None:
    assert set(kinds.ONCE) == {PeriodPurpose.PLAN.value, PeriodPurpose.ACCOUNT.value}
    for keys in kinds.ONCE.values():
        assert all(kinds.kind(key).key == key and key not in kinds.kinds() for key in keys)


@pytest.mark.parametrize(
    ("carrier", "amount", "fossil"),
    [("diesel", "10", 1), ("diesel", "0", 0), ("hvo", "10", 0), ("electricity", "10", 0), ("cng", "0,5", 1)],
)
def test_a_line_with_fossil_fuel_is_counted_whether_or_not_it_has_a_factor(
    carrier: str, amount: str, fossil: int
) -> None:
    row = line("machinery", machine="m-1", carrier=carrier, stage="V", hours="1", amount=amount)
    measures = KINDS["machinery"].measure([row], MARCH)
    tally = KINDS["machinery"].figure("fossil_lines", measures)
    assert (tally.value, len(tally.lines)) == (Decimal(fossil), fossil)


def test_fuel_that_only_lies_in_stock_is_not_used() -> None:
    stock = line("fuel", entry="opening_stock", product="diesel", amount="500")
    left = line("fuel", entry="closing_stock", product="diesel", amount="500")
    came = line("fuel", entry="delivery", product="diesel", amount="100")
    kind = KINDS["fuel"]
    assert kind.figure("fossil_lines", kind.measure([stock, left], MARCH)).value == 0
    assert kind.figure("fossil_lines", kind.measure([stock, came, left], MARCH)).value == 1


def test_a_form_from_before_there_was_the_figure_does_not_say_that_it_is_nothing() -> None:
    old = KINDS["machinery"].__class__.load(
        {**KINDS["machinery"].dump(), "measures": "machinery.measures@1"}, kinds.functions()
    )
    row = line("machinery", machine="m-1", carrier="diesel", stage="V", hours="1", amount="10")
    assert old.figure("fossil_lines", old.measure([row], MARCH)).value is None


def test_heating_and_what_is_avoided_leave_old_contracts_as_they_were() -> None:
    stored = {"fuel": "nir-2021", "biofuel": "zero", "boundary": "inside", "mandate": "0.1"}
    old = factors.Basis.load(stored)
    assert old.dump() == stored
    new = factors.Basis.load({**stored, "heating": "out", "avoided": "b7"})
    assert new.dump() == {**stored, "heating": "out", "avoided": "b7"}
    assert new.sentences()[: len(old.sentences())] == old.sentences()
    assert [text.en.partition(":")[0] for text in new.sentences()[len(old.sentences()) :]] == [
        "Heating and drying",
        "Emissions avoided",
    ]


@pytest.mark.parametrize(("heating", "site"), [("", 1500), ("in", 1500), ("out", 500)])
def test_heating_out_leaves_the_figures_of_the_whole_site_and_stays_in_those_of_the_meters(
    heating: str, site: int
) -> None:
    rows = [
        line("energy", meter="A", purpose="heating", carrier="district_heat", amount="1000"),
        line("energy", meter="B", purpose="huts", carrier="electricity", amount="500"),
    ]
    setting = replace(MARCH, basis=replace(MARCH.basis, heating=heating))  # type: ignore[arg-type]
    measures = KINDS["energy"].measure(rows, setting)
    counted = whole.counted({"energy": measures})
    assert kinds.WHOLE_SITE.figure("energy", counted).value == site
    assert KINDS["energy"].figure("energy", measures).value == 1500


def test_a_heater_is_heating_too() -> None:
    row = line("machinery", machine="m-1", carrier="diesel", stage="V", hours="1", amount="10")
    setting = replace(MARCH, basis=replace(MARCH.basis, heating="out"), units={"m-1": Unit("heater", "", 31)})
    counted = whole.counted({"machinery": KINDS["machinery"].measure([row], setting)})
    assert kinds.WHOLE_SITE.figure("liquid_fuel", counted).value is None, "nothing counts"
    other = replace(setting, units={"m-1": Unit("crane", "", 31)})
    counted = whole.counted({"machinery": KINDS["machinery"].measure([row], other)})
    assert kinds.WHOLE_SITE.figure("liquid_fuel", counted).value == 10
