"""A contract that runs: change orders, pauses, handover, its final account, and what keeps it from being closed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import calendars, clock
from portal.errors import InvalidTransition
from portal.extensions import db, transaction
from portal.model import (
    ACCOUNT_DUTY,
    AuditEvent,
    Comparison,
    Contract,
    ContractState,
    Decision,
    FigureOrigin,
    PlannedFigure,
    ReportState,
    Window,
)
from portal.operations.contracts import contracts
from portal.operations.reports import reviews
from portal.operations.running import contract_accounts, contract_life
from tests.contracts import TODAY, contract_at, place, require_something, send_form, version_on
from tests.pages import Seat, blamed, database_url, parsed, seat, words, world
from tests.world import World, submit

__all__ = ["database_url", "seat", "world"]

ORDER = {
    "order_reference": "EO-1",
    "agreed_on": "05.03.2026",
    "applies_from": "01.04.2026",
    "change_reason": "Mer fjell enn ventet.\r\nPartene er enige.",
    "value_change": "-250 000",
    "new_ends_on": "29.02.2028",
}


@pytest.fixture(autouse=True)
def _in_march(world: World) -> None:
    clock.move_to(TODAY)
    with transaction():
        db.session.merge(world.contract).value = Decimal(1_000_000)


# -- change orders -----------------------------------------------------------------------------------------------------


def test_a_change_order_changes_value_end_and_requirements_from_a_day(world: World, seat: Seat) -> None:
    adam, address = seat(world.adam), place(world)
    duty = contract_at(address).requirements[2]
    answer = send_form(adam, f"{address}/change-orders/new", {**ORDER, "ended": str(duty.public_id)})
    assert answer.status_code == 303, words(parsed(answer))
    contract = contract_at(address)
    (order,) = contract.change_orders
    assert (order.old_ends_on, order.new_ends_on, contract.ends_on) == (
        date(2027, 12, 31),
        date(2028, 2, 29),
        date(2028, 2, 29),
    )
    assert order.reason == "Mer fjell enn ventet. Partene er enige."
    assert contract.value == 1_000_000
    assert contract.value_on(date(2026, 3, 31)) == 1_000_000
    assert contract.value_on(date(2026, 4, 1)) == 750_000
    assert contract.requirements[2].valid_to == date(2026, 3, 31)
    assert [each.clause for each in contract.requirements_on(date(2026, 4, 1))] == ["5.1", "4.2"]
    for desk in (adam, seat(world.anna)):
        shown = words(desk.page(address))
        assert "EO-1" in shown
        assert "750" in shown
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "contract.changed")).one()
    assert event.facts["ended"] == [{"clause": "4.3", "requirement": str(duty.public_id)}]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"order_reference": ""}, "order_reference"),
        ({"agreed_on": "21.03.2026"}, "agreed_on"),
        ({"applies_from": "31.12.2025"}, "applies_from"),
        ({"change_reason": ""}, "change_reason"),
        ({"value_change": "-1 000 001"}, "value_change"),
        ({"new_ends_on": "31.12.2027"}, "new_ends_on"),
        ({"new_ends_on": "31.12.2025"}, "new_ends_on"),
    ],
)
def test_a_change_order_is_refused_at_the_field_that_is_wrong(
    world: World, seat: Seat, changes: dict[str, str], field: str
) -> None:
    answer = send_form(seat(world.adam), f"{place(world)}/change-orders/new", {**ORDER, **changes})
    assert answer.status_code == 422
    assert set(blamed(answer)) == {field}
    assert contract_at(place(world)).change_orders == []
    assert contract_at(place(world)).ends_on == date(2027, 12, 31)


def test_a_contract_does_not_end_before_what_is_reported(world: World, seat: Seat) -> None:
    path = f"{place(world)}/change-orders/new"
    assert send_form(seat(world.adam), path, {**ORDER, "new_ends_on": "30.03.2026"}).status_code == 303
    submit(world)
    late = {**ORDER, "order_reference": "EO-2", "new_ends_on": "29.03.2026"}
    assert blamed(send_form(seat(world.adam), path, late)) == ["new_ends_on"]


def test_a_number_of_a_change_order_is_used_once_and_a_page_too(world: World, seat: Seat) -> None:
    adam, path = seat(world.adam), f"{place(world)}/change-orders/new"
    seen = version_on(adam.page(path))
    assert adam.send(path, {**ORDER, "version": seen}).status_code == 303
    late = adam.send(path, {**ORDER, "order_reference": "EO-2", "version": seen})
    assert late.status_code == 409
    assert parsed(late).xpath("//input[@name='order_reference']/@value") == ["EO-2"]
    assert blamed(send_form(adam, path, {**ORDER, "new_ends_on": ""})) == ["order_reference"]


def test_a_requirement_does_not_fall_away_before_it_is_in_force(world: World, seat: Seat) -> None:
    adam, address = seat(world.adam), place(world)
    duty = contract_at(address).requirements[1]
    form = {**ORDER, "applies_from": "01.01.2026", "ended": str(duty.public_id)}
    assert blamed(send_form(adam, f"{address}/change-orders/new", form)) == ["ended"]


# -- pauses ------------------------------------------------------------------------------------------------------------


def act(world: World, seat: Seat, name: str, **form: str) -> TestResponse:
    return send_form(seat(world.adam), f"{place(world)}/acts/{name}", form)


def test_a_paused_contract_says_why_and_goes_on(world: World, seat: Seat) -> None:
    assert act(world, seat, "pause", starts_on="12.03.2026", reason="Funn av kulturminne.").status_code == 303
    contract = contract_at(place(world))
    assert contract.state == ContractState.PAUSED
    shown = words(seat(world.anna).page(place(world)))
    assert "The contract is paused" in shown
    assert "Funn av kulturminne." in shown
    clock.move_to(datetime(2026, 5, 20, 9, tzinfo=UTC))
    assert act(world, seat, "resume", resumes_on="04.05.2026").status_code == 303
    contract = contract_at(place(world))
    assert contract.state == ContractState.RUNNING
    assert contract.paused_days == [(date(2026, 3, 12), date(2026, 5, 3))]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"starts_on": "21.03.2026", "reason": "x"}, "starts_on"),
        ({"starts_on": "31.12.2025", "reason": "x"}, "starts_on"),
        ({"starts_on": "12.03.2026", "reason": " "}, "reason"),
        ({"starts_on": "", "reason": "x"}, "starts_on"),
    ],
)
def test_a_pause_is_refused_at_the_field_that_is_wrong(
    world: World, seat: Seat, form: dict[str, str], field: str
) -> None:
    answer = act(world, seat, "pause", **form)
    assert answer.status_code == 422
    assert blamed(answer) == [field]
    assert contract_at(place(world)).state == ContractState.RUNNING


def test_no_pause_reaches_into_what_is_reported(world: World, seat: Seat) -> None:
    submit(world)
    answer = act(world, seat, "pause", starts_on="12.03.2026", reason="x")
    assert blamed(answer) == ["starts_on"]
    assert "March 2026 has been reported already" in words(parsed(answer))


def test_a_pause_ends_after_it_began(world: World, seat: Seat) -> None:
    act(world, seat, "pause", starts_on="12.03.2026", reason="x")
    assert blamed(act(world, seat, "resume", resumes_on="12.03.2026")) == ["resumes_on"]


def test_only_what_fits_the_state_can_be_done(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    for name in ("resume", "reopen", "close"):
        assert adam.get(f"{place(world)}/acts/{name}").status_code == 303
        form = {"resumes_on": "20.03.2026", "reason": "x", "version": str(contract_at(place(world)).version)}
        status = adam.send(f"{place(world)}/acts/{name}", form).status_code
        assert status in {409, 422}, name
    assert adam.get(f"{place(world)}/acts/explode").status_code == 404
    assert contract_at(place(world)).state == ContractState.RUNNING


def test_a_state_that_does_not_follow_is_refused_by_the_contract_itself(world: World) -> None:
    with pytest.raises(InvalidTransition):
        world.contract.move(ContractState.CLOSED, by=None)


# -- the end -----------------------------------------------------------------------------------------------------------


def test_a_contract_is_handed_over_reopened_and_closed_when_nothing_is_open(world: World, seat: Seat) -> None:
    with transaction():
        db.session.merge(world.contract).starts_on = date(2026, 3, 1)
    assert act(world, seat, "complete", handed_over_on="18.03.2026").status_code == 303
    contract = contract_at(place(world))
    assert (contract.state, contract.handed_over_on) == (ContractState.COMPLETED, date(2026, 3, 18))
    adam = seat(world.adam)
    page = adam.page(f"{place(world)}/acts/close")
    assert "something is still open" in words(page)
    assert page.xpath(f"//a[@href='/reports/{world.report.public_id}']")
    refused = adam.send(f"{place(world)}/acts/close", {"version": str(contract.version)})
    assert refused.status_code == 422
    assert act(world, seat, "reopen", reason="Mangler ved arbeidet.").status_code == 303
    assert contract_at(place(world)).handed_over_on is None
    submit(world)
    with transaction():
        report = world.report
        reviews.decide(report, Decision.APPROVE, by=world.rita, version=report.version)
    assert world.report.state == ReportState.APPROVED
    assert act(world, seat, "complete", handed_over_on="20.03.2026").status_code == 303
    assert act(world, seat, "close").status_code == 303
    assert contract_at(place(world)).state == ContractState.CLOSED
    shown = words(adam.page(place(world)))
    assert "Final account" in shown
    assert "1 of 1" in shown
    assert "Nothing is open" in shown
    refused = adam.send(f"{place(world)}/sites", {"site_name": "Ny", "version": str(contract_at(place(world)).version)})
    assert "changes no more" in words(parsed(refused))


def test_the_page_says_what_the_worker_has_still_to_open_and_to_judge(world: World, seat: Seat) -> None:
    """The contract began in January, and nobody has opened January and February; nor the account; nor judged it all."""
    with transaction():
        contract = db.session.merge(world.contract)
        require_something(contract, clause="9.9", window=Window.WHOLE)
        account = {"kind": "", "indicator": ACCOUNT_DUTY, "comparison": Comparison.AT_MOST, "threshold": "10"}
        require_something(contract, clause="5.9", **account)
    submit(world)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    act(world, seat, "complete", handed_over_on="20.03.2026")
    adam = seat(world.adam)
    for path in (f"{place(world)}/acts/close", place(world)):
        page = adam.page(path)
        said = words(page)
        assert "The report for January 2026: it is opened within the hour" in said
        assert "The report for February 2026" in said
        assert "The final account, clause 5.9: it is opened within the hour" in said
        assert "The requirement of clause 9.9 for 1 January–20 March 2026: not judged yet" in said
        assert page.xpath("//a[contains(@href, '/requirements#requirement-')]")
    refused = adam.send(f"{place(world)}/acts/close", {"version": str(contract_at(place(world)).version)})
    assert refused.status_code == 422
    assert contract_at(place(world)).state == ContractState.COMPLETED


@pytest.mark.parametrize("day", ["21.03.2026", "31.12.2025", ""])
def test_a_handover_is_on_a_day_that_has_been(world: World, seat: Seat, day: str) -> None:
    assert blamed(act(world, seat, "complete", handed_over_on=day)) == ["handed_over_on"]


def test_a_handover_ends_a_pause(world: World, seat: Seat) -> None:
    act(world, seat, "pause", starts_on="12.03.2026", reason="x")
    act(world, seat, "complete", handed_over_on="18.03.2026")
    assert contract_at(place(world)).paused_days == [(date(2026, 3, 12), date(2026, 3, 18))]


def test_the_final_account_adds_up(world: World, seat: Seat) -> None:
    """1 000 000 as signed, less 250 000, more 40 000: 790 000."""
    adam = seat(world.adam)
    more = {**ORDER, "order_reference": "EO-2", "value_change": "40 000", "new_ends_on": ""}
    for form in (ORDER, more):
        send_form(adam, f"{place(world)}/change-orders/new", form)
    contract = contract_at(place(world))
    account = contract_accounts.final_account(contract)
    assert (account.signed, account.now) == (Decimal(1_000_000), Decimal(790_000))
    assert (account.accepted, account.periods, account.sanctioned) == (0, 1, Decimal(0))
    assert [report.id for report in account.open_matters.reports] == [world.report.id]


# -- plan against actual -----------------------------------------------------------------------------------------------


def plan(contract: Contract, indicator: str, amount: str, unit: str) -> None:
    contract.planned.append(
        PlannedFigure(
            **contract.parties,
            origin=FigureOrigin.BID,
            kind="machinery",
            indicator=indicator,
            amount=Decimal(amount),
            unit=unit,
            source="Tilbudet, vedlegg 2",
        )
    )


def approved(world: World, electric: str, diesel: str) -> None:
    submit(world, electric=electric, diesel=diesel)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)


def test_sums_are_added_and_shares_are_weighed(world: World, seat: Seat) -> None:
    """March: 5 000 kWh and 1 000 l of diesel at 10.08 kWh. April: 10 000 kWh and 100 l.

    Energy: 5 000 + 10 080 + 10 000 + 1 008 = 26 088 kWh, of 52 176 planned 50 %.
    Zero-emission share: 15 000 / 26 088 = 57.5 %, and not the mean of 33.2 % and 90.8 %.
    """
    with transaction():
        contract = db.session.merge(world.contract)
        plan(contract, "energy", "52176", "kWh")
        plan(contract, "zero_emission_share_energy", "60", "%")
    approved(world, "5000", "1000")
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    with transaction():
        contract = db.session.merge(world.contract)
        world.report = contracts.open_period(contract, calendars.month_of(date(2026, 4, 1)))
    approved(world, "10000", "100")
    energy, share = contract_accounts.plan_against_actual(contract_at(place(world)))
    assert (energy.actual, energy.used) == (Decimal(26088), Decimal(50))
    assert share.actual is not None
    assert round(share.actual, 1) == Decimal("57.5")
    assert share.used is None
    shown = words(seat(world.anna).page(place(world)))
    assert "Plan against actual" in shown
    assert "57.5" in shown


def test_only_accepted_figures_are_actual(world: World) -> None:
    with transaction():
        plan(db.session.merge(world.contract), "energy", "52176", "kWh")
    submit(world)
    (energy,) = contract_accounts.plan_against_actual(contract_at(place(world)))
    assert (energy.actual, energy.used, energy.unknown) == (None, None, 0)


def test_paused_days_are_no_days_of_the_contract(world: World, seat: Seat) -> None:
    """Of 2026 and 2027: 730 days; 79 of them until 20 March. Without a pause from 12 March: 70 of 721 at the end."""
    assert contract_accounts.time_used(contract_at(place(world))) == Decimal(79) * 100 / 730
    act(world, seat, "pause", starts_on="12.03.2026", reason="x")
    clock.move_to(datetime(2026, 3, 25, 9, tzinfo=UTC))
    act(world, seat, "resume", resumes_on="21.03.2026")
    clock.move_to(TODAY)
    assert contract_accounts.time_used(contract_at(place(world))) == Decimal(70) * 100 / 721


def test_a_figure_is_planned_once_and_can_be_taken_away(world: World, seat: Seat) -> None:
    adam, path = seat(world.adam), f"{place(world)}/planned"
    form = {"origin": "bid", "indicator": "machinery.energy", "amount": "1000", "source": "Tilbudet"}
    assert send_form(adam, path, form).status_code == 303
    assert blamed(send_form(adam, path, form)) == ["indicator"]
    (row,) = contract_at(place(world)).planned
    assert (row.amount, row.unit) == (Decimal(1000), "kWh")
    assert seat(world.anna).send(f"/contracts/planned/{row.public_id}/remove", {}).status_code == 403
    assert adam.send(f"/contracts/planned/{row.public_id}/remove", {}).status_code == 303
    assert contract_at(place(world)).planned == []


# -- sites and representatives -----------------------------------------------------------------------------------------


def test_a_site_with_machines_stays(world: World, seat: Seat) -> None:
    contract = contract_at(place(world))
    with transaction():
        machine = db.session.merge(world.anna).organisation
        from portal.model import Deployment

        row = db.session.scalars(select(Deployment).where(Deployment.contract_id == contract.id)).first()
        assert row is not None
        assert machine.id == contract.supplier_id
        row.site_id = contract.sites[0].id
    adam = seat(world.adam)
    adam.send(f"/contracts/sites/{contract.sites[0].public_id}/remove", {})
    assert len(contract_at(place(world)).sites) == 1
    assert "tied to the site" in words(adam.page(f"{place(world)}/sites"))


def test_representatives_follow_each_other(world: World, seat: Seat) -> None:
    adam, path = seat(world.adam), f"{place(world)}/representatives"
    first = {
        "side": "supplier",
        "name": "Ole Formann",
        "job": "Anleggsleder",
        "email": "ole@prove.example",
        "speaks": "nb",
        "from_on": "",
    }
    assert send_form(adam, path, first).status_code == 303
    (row,) = contract_at(place(world)).representatives
    end = f"/contracts/representatives/{row.public_id}/end"
    assert blamed(adam.send(end, {"to_on": "31.12.2025"})) == ["to_on"]
    assert adam.send(end, {"to_on": "15.03.2026"}).status_code == 303
    later = {**first, "name": "Bo Prøve", "email": "bo@prove.example", "from_on": "16.03.2026"}
    assert send_form(adam, path, later).status_code == 303
    contract = contract_at(place(world))
    on = {
        day: [each.name for each in contract.representatives_of(contract.supplier_id, day)]
        for day in (
            date(2026, 3, 15),
            date(2026, 3, 16),
        )
    }
    assert on == {date(2026, 3, 15): ["Ole Formann"], date(2026, 3, 16): ["Bo Prøve"]}
    assert contract.representatives[1].person_id == world.bo.person_id
    shown = words(seat(world.anna).page(place(world)))
    assert "Ole Formann" in shown
    assert "has no account here" in shown


def test_the_list_is_filtered_by_state_and_supplier(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    supplier = contract_at(place(world)).supplier.public_id
    assert "Prøveskolen" in words(adam.page("/contracts?state=running"))
    assert "No contract fits the filters" in words(adam.page("/contracts?state=closed"))
    assert "Prøveskolen" in words(adam.page(f"/contracts?supplier={supplier}"))
    assert "Prøveskolen" in words(adam.page("/contracts?state=nonsense"))
    assert "No contract fits the filters" in words(adam.page("/contracts?supplier=nonsense"))


def test_what_can_be_done_is_said_for_every_state() -> None:
    assert {state: bool(acts) for state, acts in contract_life._ACTS.items()} == {  # noqa: SLF001
        state: state not in {ContractState.CLOSED, ContractState.DISCARDED} for state in ContractState
    }
