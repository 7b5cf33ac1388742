"""What is filed once: the plan after the start, whose figures are noted, and the account held to the reports."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.calendars import Period
from portal.extensions import db, transaction
from portal.model import AuditEvent, Decision, FigureOrigin, PeriodPurpose, PlannedFigure, Report, ReportState
from portal.operations.entry import drafts
from portal.operations.reports import amendments, reviews
from tests.assessing import approve_it, file
from tests.desk import give_passwords, sit_down
from tests.once import fill_in, lines, open_once, sign
from tests.world import World

MARCH = date(2026, 3, 1)


def planned(world: World) -> dict[str, tuple[Decimal, str, str]]:
    db.session.expire_all()
    return {
        f"{row.kind}/{row.indicator}": (row.amount, row.unit, row.source)
        for row in world.contract.planned
        if row.origin == FigureOrigin.PLAN
    }


def plan_row(carrier: str, amount: str, machines: str = "") -> dict[str, str]:
    return {"use": "machines", "carrier": carrier, "amount": amount, "machines": machines, "how": "Leies."}


def test_an_approved_plan_is_noted_and_an_amended_one_takes_its_place(world: World) -> None:
    report = open_once(world, PeriodPurpose.PLAN, Period(date(2026, 1, 1), date(2026, 3, 31)))
    found = fill_in(world, report, lines(plan_row("electricity", "10080", "3"), plan_row("diesel", "1000")))
    assert found.is_ready
    assert found.assessment.judgements == (), "the requirements of the months are not about a plan"
    sign(world, report)
    assert planned(world) == {}, "nobody has approved it yet"
    approve_it(world, report)
    assert report.state == ReportState.APPROVED
    # 10 080 kWh and 1 000 l * 10.08 kWh = 20 160 kWh, half of it electric; 1 000 l * 2.66 kg
    assert planned(world) == {
        "site/energy": (Decimal(20160), "kWh", "planen, revisjon 1"),
        "site/zero_emission_share_energy": (Decimal(50), "%", "planen, revisjon 1"),
        "site/liquid_fuel": (Decimal(1000), "l", "planen, revisjon 1"),
        "site/emissions_co2": (Decimal(2660), "kg CO2", "planen, revisjon 1"),
        "energy_plan/clean_machines": (Decimal(3), "", "planen, revisjon 1"),
    }
    with transaction():
        amendments.propose(report, "Flere maskiner.", by=world.anna, version=report.version)
    fill_in(world, report, lines(plan_row("electricity", "20160", "5")))
    sign(world, report)
    approve_it(world, report)
    again = planned(world)
    assert again["site/energy"] == (Decimal(20160), "kWh", "planen, revisjon 2")
    assert again["site/zero_emission_share_energy"][0] == 100


def trail_of(report: Report) -> dict[str, Any]:
    """What the trail says of the newest noting of a plan."""
    noted = select(AuditEvent).where(AuditEvent.action == "plan.noted", AuditEvent.subject_id == str(report.public_id))
    return db.session.scalars(noted.order_by(AuditEvent.id.desc())).first().facts  # type: ignore[union-attr]


def test_a_plan_touches_nothing_that_a_person_entered_and_says_what_it_removed(world: World) -> None:
    """Adam entered two figures of the plan on paper; the plan in the portal gives one of them, and then no longer."""
    contract = world.contract
    with transaction():
        for indicator, amount in (("energy", "52176"), ("energy_clean", "9")):
            entered = {"kind": "site", "indicator": indicator, "amount": Decimal(amount), "unit": "kWh"}
            row = PlannedFigure(**contract.parties, origin=FigureOrigin.PLAN, source="Planen på papir s. 3", **entered)
            contract.planned.append(row)
    report = open_once(world, PeriodPurpose.PLAN, Period(date(2026, 1, 1), date(2026, 3, 31)))
    fill_in(world, report, lines(plan_row("electricity", "10080", "3"), plan_row("diesel", "1000")))
    sign(world, report)
    approve_it(world, report)

    def said(source: str) -> dict[str, Decimal]:
        db.session.expire_all()
        return {each.indicator: each.amount for each in world.contract.planned if each.source == source}

    by_hand = {"energy": Decimal(52176), "energy_clean": Decimal(9)}
    assert said("Planen på papir s. 3") == by_hand
    assert said("planen, revisjon 1")["energy"] == 20160
    assert {each.report_id for each in world.contract.planned} == {None, report.id}
    with transaction():
        amendments.propose(report, "Alt utgår.", by=world.anna, version=report.version)
    fill_in(world, report, lines(plan_row("diesel", "0")))
    sign(world, report)
    approve_it(world, report)
    assert said("Planen på papir s. 3") == by_hand
    assert "zero_emission_share_energy" not in said("planen, revisjon 2"), "a share of nothing is no figure"
    facts = trail_of(report)
    assert facts["removed"] == {"site/zero_emission_share_energy": ["50", "%"]}
    assert facts["before"]["site/emissions_co2"] == ["2660", "kg CO2"]
    assert facts["figures"]["site/energy"] == ["0", "kWh"]


def test_a_plan_counts_nowhere_and_is_no_month_before(world: World) -> None:
    report = open_once(world, PeriodPurpose.PLAN, Period(date(2026, 1, 1), date(2026, 2, 28)))
    fill_in(world, report, lines(plan_row("electricity", "10080", "3")))
    sign(world, report)
    approve_it(world, report)
    assert drafts.previous_revision(world.report) is None
    march = file(world, MARCH, electric="5000", diesel="1000")
    energy = {figure.indicator: figure.numerator for figure in march.revisions[0].figures if figure.kind == "site"}
    assert energy["energy"] == Decimal(15080)


def test_the_account_is_held_to_what_the_reports_add_up_to(world: World) -> None:
    file(world, MARCH, electric="5000", diesel="1000")
    clock.move_to(datetime(2026, 5, 4, 9, tzinfo=UTC))
    report = open_once(world, PeriodPurpose.ACCOUNT, Period(date(2026, 1, 1), date(2026, 5, 31)))
    found = fill_in(world, report, lines({"carrier": "diesel", "amount": "1100"}))
    said = {problem.rule: problem.text.en for problem in found.assessment.problems["energy_account"]}
    assert said == {
        "energy_account.reconciles": "Diesel: the account says 1\u00a0100\u00a0l, but the approved reports "
        "1\u00a0000\u00a0l. The difference is 100\u00a0l. Correct what is wrong, or say why.",
        "energy_account.all_carriers": "Electricity: the approved reports have 5\u00a0000\u00a0kWh, but it is not in "
        "the account. Add it, or say why.",
    }
    sound = lines({"carrier": "diesel", "amount": "1000,4"}, {"carrier": "electricity", "amount": "5000"})
    assert fill_in(world, report, sound).assessment.problems["energy_account"] == (), "less than a litre is rounding"
    sign(world, report)
    with transaction():
        reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)
    assert report.state == ReportState.APPROVED


def test_one_total_for_each_carrier(world: World) -> None:
    report = open_once(world, PeriodPurpose.ACCOUNT, Period(date(2026, 1, 1), date(2026, 5, 31)))
    twice = lines({"carrier": "diesel", "amount": "1"}, {"carrier": "diesel", "amount": "2"})
    assert not fill_in(world, report, twice).is_ready


def test_every_page_of_what_is_filed_once_can_be_read(app: Flask, world: World) -> None:
    give_passwords(world)
    report = open_once(world, PeriodPurpose.PLAN, Period(date(2026, 1, 1), date(2026, 3, 31)))
    anna, bo, rita = (sit_down(app, by) for by in (world.anna, world.bo, world.rita))
    at = f"/reports/{report.public_id}"
    assert "Planned energy" in anna.reads(f"{at}/sections/energy_plan")
    fill_in(world, report, lines(plan_row("electricity", "10080", "3")))
    assert "Zero-emission machines" in anna.reads(f"{at}/check")
    sign(world, report)
    for desk, page in ((bo, at), (bo, f"{at}/receipt"), (rita, f"{at}/review"), (rita, at), (rita, "/queue")):
        assert "plan" in desk.reads(page).lower()
    approve_it(world, report)
    assert "plan" in rita.reads(at).lower()
