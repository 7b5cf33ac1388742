"""A contract from nothing to its start: drafted, gone through part by part, refused while something is missing."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from portal import clock, permissions
from portal.extensions import db, transaction
from portal.model import (
    AuditEvent,
    ClauseForm,
    Contract,
    ContractState,
    DailyBase,
    Organisation,
    PlannedFigure,
    Report,
    SanctionClause,
    SanctionRate,
)
from portal.operations.cases import calculations
from portal.operations.contracts import agreements
from portal.operations.contracts.counting_facts import not_asked_for
from portal.operations.running import contract_life
from portal.work import open_periods
from tests.contracts import (
    BEGIN,
    NEW_SUPPLIER,
    PARTS,
    SITE,
    begin,
    contract_at,
    go_through,
    require_something,
    send_form,
    version_on,
)
from tests.pages import Seat, blamed, database_url, parsed, seat, words, world
from tests.signing_in import stored_once
from tests.world import World

__all__ = ["database_url", "seat", "world"]


def test_a_contract_is_set_up_and_starts(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    go_through(adam, address)
    with transaction():
        require_something(contract_at(address))
    page = adam.page(f"{address}/set-up")
    assert "Everything that is needed is there" in words(page)
    answer = adam.send(f"{address}/start", {"version": version_on(page)})
    assert answer.status_code == 303, words(parsed(answer))
    contract = contract_at(address)
    assert contract.state == ContractState.RUNNING
    assert (contract.value, contract.cpv) == (Decimal(12_500_000), ["45112000", "45221100"])
    assert contract.identifiers == [
        {"scheme": "doffin", "value": "2026-123456"},
        {"scheme": "case", "value": "2026/77"},
    ]
    assert contract.kinds == ["machinery", "fuel"]
    assert contract.basis == {"fuel": "nir-2021", "biofuel": "zero", "boundary": "inside", "mandate": "0.1"}
    assert contract.counted == {"": "use", "diesel": "deliveries"}
    assert contract.due_rule == (7, "calendar", "back", "12:00")
    assert (contract.notice_starts, contract.notice_working_days) == ("opened", 20)
    assert [each.person_id for each in contract.representatives] == [None, world.anna.person_id]
    shown = words(adam.page(address))
    assert "Running" in shown
    assert "Prøvebrua" in words(seat(world.anna).page("/contracts"))


def test_the_first_period_of_a_started_contract_opens(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam, starts_on="01.03.2026")
    go_through(adam, address)
    with transaction():
        require_something(contract_at(address))
    adam.send(f"{address}/start", {"version": version_on(adam.page(f"{address}/set-up"))})
    number = contract_at(address).id
    open_periods({})
    report = db.session.scalars(select(Report).where(Report.contract_id == number)).one()
    assert {section.kind for section in report.sections} == {"machinery", "fuel"}
    assert report.pins["basis"] == contract_at(address).basis


@pytest.mark.parametrize(
    ("leave_out", "said"),
    [
        ("kinds", "Choose what is to be reported"),
        ("basis", "Choose how the figures are counted"),
        ("counted", "Choose where energy is counted"),
        ("deadlines", "Give the rules for the deadlines"),
        ("sites", "Add at least one site"),
        ("representatives", "Name who represents the supplier"),
        ("requirements", "Enter at least one requirement"),
    ],
)
def test_nothing_starts_while_something_is_missing(world: World, seat: Seat, leave_out: str, said: str) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    go_through(adam, address, leave_out=leave_out)
    if leave_out != "requirements":
        with transaction():
            require_something(contract_at(address))
    page = adam.page(f"{address}/set-up")
    assert said in words(page)
    answer = adam.send(f"{address}/start", {"version": str(contract_at(address).version)})
    assert answer.status_code == 422
    assert said in words(parsed(answer))
    assert contract_at(address).state == ContractState.DRAFT


def test_energy_that_is_to_count_from_what_nobody_reports_keeps_it_from_starting(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    go_through(adam, address)
    form = {**PARTS["counted"], "counted_electricity": "meters"}
    send_form(adam, f"{address}/facts/counted", form)
    assert "the contract does not ask for it" in words(adam.page(f"{address}/set-up"))


@pytest.mark.parametrize("base", [DailyBase.VALUE, DailyBase.SIGNED_VALUE, DailyBase.FIXED])
def test_a_daily_amount_of_the_value_needs_a_value(world: World, seat: Seat, base: DailyBase) -> None:
    address = begin(seat(world.adam))
    with transaction():
        contract = contract_at(address)
        clause = SanctionClause(
            **contract.parties, clause="7", wording="x", form=ClauseForm.DAILY, base=base, base_amount=Decimal(1)
        )
        clause.rates.append(SanctionRate(**contract.parties, valid_from=contract.starts_on, amount=Decimal(1)))
        contract.clauses.append(clause)
    lacking = {each.part for each in contract_life.missing(contract_at(address))}
    assert ("value" in lacking) == (base != DailyBase.FIXED)


# -- what is entered wrongly ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": ""}, "reference"),
        ({"reference": "K-1"}, "reference"),
        ({"title": ""}, "title"),
        ({"supplier_number": "310000026"}, "supplier_number"),
        ({"supplier_number": "310000019"}, "supplier_number"),
        ({"supplier_number": NEW_SUPPLIER}, "supplier_name"),
        ({"starts_on": "30.02.2026"}, "starts_on"),
        ({"ends_on": "31.01.2026"}, "ends_on"),
    ],
)
def test_a_draft_is_refused_at_the_field_that_is_wrong(
    world: World, seat: Seat, changes: dict[str, str], field: str
) -> None:
    before = db.session.scalar(select(func.count(Contract.id)))
    answer = seat(world.adam).send("/contracts/new", {**BEGIN, **changes})
    assert answer.status_code == 422
    assert blamed(answer) == [field]
    kept = parsed(answer).xpath("//input[@name='title']/@value")
    assert kept == ([BEGIN["title"]] if "title" not in changes else [""])
    assert db.session.scalar(select(func.count(Contract.id))) == before


def test_an_unknown_supplier_is_registered_with_its_name(world: World, seat: Seat) -> None:
    address = begin(seat(world.adam), supplier_number="NO 312 000 024 MVA", supplier_name="Nye Graving AS")
    supplier = contract_at(address).supplier
    assert (supplier.number, supplier.name, supplier.kind) == (NEW_SUPPLIER, "Nye Graving AS", "supplier")


@pytest.mark.parametrize(
    ("key", "changes", "field"),
    [
        ("value", {"value": "mye"}, "value"),
        ("value", {"value": "-1"}, "value"),
        ("references", {"doffin": "12-2026"}, "doffin"),
        ("references", {"ted": "2026-123456"}, "ted"),
        ("references", {"procedure": "34ce13de"}, "procedure"),
        ("references", {"cpv": "4511"}, "cpv"),
        ("basis", {"basis_fuel": "hjemmelaget"}, "basis_fuel"),
        ("basis", {"basis_mandate": "101"}, "basis_mandate"),
        ("counted", {"counted_others": ""}, "counted_others"),
        ("deadlines", {"reporting_clause": ""}, "reporting_clause"),
        ("deadlines", {"due_days": "7,5"}, "due_days"),
        ("deadlines", {"due_time": "25:00"}, "due_time"),
        ("notices", {"notice_starts": "deemed"}, "deemed_working_days"),
        ("notices", {"reply_working_days": "0"}, "reply_working_days"),
    ],
)
def test_a_part_is_refused_at_the_field_that_is_wrong(
    world: World, seat: Seat, key: str, changes: dict[str, str], field: str
) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    version = contract_at(address).version
    answer = send_form(adam, f"{address}/facts/{key}", {**PARTS[key], **changes})
    assert answer.status_code == 422
    assert blamed(answer) == [field]
    assert contract_at(address).version == version


def test_lists_say_what_is_wrong_with_a_row(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    go_through(adam, address)
    wrong = {"side": "supplier", "name": "X", "job": "", "email": "ikke en adresse", "speaks": "nb", "from_on": ""}
    assert blamed(send_form(adam, f"{address}/representatives", wrong)) == ["email"]
    assert blamed(send_form(adam, f"{address}/sites", SITE)) == ["site_name"]
    figure = {"origin": "bid", "indicator": "fuel.delivered", "amount": "x", "source": ""}
    answer = send_form(adam, f"{address}/planned", figure)
    assert set(blamed(answer)) >= {"amount", "source"}


# -- two at the same time, and whose it is -----------------------------------------------------------------------------


def test_whoever_comes_second_keeps_what_they_wrote(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    path = f"{address}/facts/value"
    seen = version_on(adam.page(path))
    assert adam.send(path, {**PARTS["value"], "value": "1000", "version": seen}).status_code == 303
    late = adam.send(path, {**PARTS["value"], "value": "2000", "version": seen})
    assert late.status_code == 409
    page = parsed(late)
    assert page.xpath("//input[@name='value']/@value") == ["2000"]
    assert "stored now" in words(page)
    assert contract_at(address).value == 1000
    assert adam.send(path, {**PARTS["value"], "value": "2000", "version": version_on(page)}).status_code == 303
    assert contract_at(address).value == 2000


def test_a_row_that_is_added_to_an_outdated_page_is_not_lost(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    answer = adam.send(f"{address}/sites", {**SITE, "version": "1"})
    assert answer.status_code == 303
    late = adam.send(f"{address}/sites", {"site_name": "Sør", "site_address": "", "version": "1"})
    assert late.status_code == 409
    assert parsed(late).xpath("//input[@name='site_name']/@value") == ["Sør"]
    assert [site.name for site in contract_at(address).sites] == [SITE["site_name"]]


def test_a_draft_is_the_buyers_own(world: World, seat: Seat) -> None:
    address = begin(seat(world.adam))
    go_through(seat(world.adam), address)
    anna, rita = seat(world.anna), seat(world.rita)
    assert anna.get(address).status_code == 404
    assert anna.get(f"{address}/set-up").status_code == 404
    assert "Prøvebrua" not in words(anna.page("/contracts"))
    assert "Prøvebrua" in words(rita.page("/contracts"))
    assert not rita.page(f"{address}/set-up").xpath("//ol[@class='tasks']//a")
    site = contract_at(address).sites[0]
    for desk, status in ((anna, 404), (seat(world.stranger), 404), (rita, 403)):
        assert desk.send(f"/contracts/sites/{site.public_id}/remove", {}).status_code == status
        for path in ("facts/value", "sites", "representatives", "planned", "acts/close", "change-orders/new"):
            assert desk.get(f"{address}/{path}").status_code == status, path
        assert desk.send(f"{address}/start", {"version": "1"}).status_code == status


def test_nothing_below_a_draft_is_seen_by_its_supplier(world: World, seat: Seat) -> None:
    address = begin(seat(world.adam), like=str(world.contract.public_id))
    go_through(seat(world.adam), address)
    number = contract_at(address).id
    below = permissions.BELOW_A_DRAFT - {PlannedFigure}
    for entity in below:
        own, theirs = (
            db.session.scalars(permissions.visible(entity, by).where(entity.contract_id == number)).unique().all()
            for by in (world.adam, world.anna)
        )
        assert own, entity
        assert theirs == [], entity
    with transaction():
        db.session.get_one(Contract, number).state = ContractState.RUNNING
    for entity in below:
        rows = permissions.visible(entity, world.anna).where(entity.contract_id == number)
        assert db.session.scalars(rows).unique().all(), entity


def test_another_buyer_finds_no_contract_of_ours(world: World, seat: Seat) -> None:
    from portal.model import OrganisationKind, Role
    from portal.operations import accounts
    from tests.http import PASSWORD

    address = begin(seat(world.adam))
    with transaction():
        other = accounts.add_organisation("313000028", "Naboby kommune", OrganisationKind.BUYER)
        person = accounts.add_person("nils@nabo.example", "Nils Nabo", language="en")
        person.password = stored_once(PASSWORD)
        nils = accounts.add_membership(person, other, Role.CONTRACT_MANAGER)
    desk = seat(nils)
    for path in ("", "/set-up", "/facts/value", "/sites", "/change-orders/new"):
        assert desk.get(f"{address}{path}").status_code == 404
        assert desk.get(f"/contracts/{world.contract.public_id}{path}").status_code == 404
    own = begin(desk, reference="K-1")
    assert contract_at(own).buyer_id == other.id


def test_what_a_running_contract_agreed_is_not_edited(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = f"/contracts/{world.contract.public_id}"
    for key in ("value", "kinds", "basis", "deadlines", "notices"):
        answer = send_form(adam, f"{address}/facts/{key}", PARTS[key])
        assert answer.status_code == 422
        assert "changes only through a change order" in words(parsed(answer))
    assert world.contract.value is None
    assert send_form(adam, f"{address}/facts/references", PARTS["references"]).status_code == 303
    shown = adam.page(address)
    assert shown.xpath("//a[@href='https://www.doffin.no/notices/2026-123456']")
    assert "2026/77" in words(shown)


def test_the_trail_says_what_was_before_and_after(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    send_form(adam, f"{address}/facts/value", PARTS["value"])
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.contract_id == contract_at(address).id).order_by(AuditEvent.id)
    ).all()
    assert [each.action for each in events] == ["contract.drafted", "contract.edited"]
    assert events[1].facts == {"part": "value", "changed": {"value": ["", "12500000"]}}
    assert events[1].person_id == world.adam.person_id


# -- an earlier contract -----------------------------------------------------------------------------------------------


def test_terms_come_along_from_an_earlier_contract(world: World, seat: Seat) -> None:
    with transaction():
        old = db.session.merge(world.contract)
        old.requirements[1].scope = {"types": ["crane"], "sites": ["x"]}
        old.requirements[2].valid_to = date(2026, 2, 28)
    adam = seat(world.adam)
    address = begin(adam, like=str(world.contract.public_id))
    contract, old = contract_at(address), db.session.get_one(Contract, world.contract.id)
    assert (contract.kinds, contract.basis, contract.counted) == (old.kinds, old.basis, old.counted)
    assert contract.reporting_clause == "5.1"
    assert [(duty.clause, duty.valid_from) for duty in contract.requirements] == [
        ("5.1", date(2026, 2, 1)),
        ("4.2", date(2026, 2, 1)),
    ]
    assert contract.requirements[1].scope == {"types": ["crane"]}
    assert [(each.clause, calculations.rate_on(each, contract.starts_on)) for each in contract.clauses] == [
        ("7.1", Decimal(20000))
    ]
    rows: tuple[Any, ...] = (*contract.requirements, *contract.clauses)
    assert {row.supplier_id for row in rows} == {contract.supplier_id}


def test_what_another_bidder_promised_and_another_contract_timed_does_not_come_along(world: World, seat: Seat) -> None:
    """«At least 20 %», 25 from a day that is past, 60 promised by the one who won then: the new draft says 20."""
    with transaction():
        share = db.session.merge(world.contract).requirements[1]
        share.steps = [{"from": "2026-01-15", "threshold": "25"}, {"from": "2027-01-01", "threshold": "40"}]
        share.promised, share.promised_source, share.tolerance = "60", "Tilbudet s. 4", "0.5"
    adam = seat(world.adam)
    contract = contract_at(begin(adam, like=str(world.contract.public_id)))
    [copied] = [each for each in contract.requirements if each.clause == "4.2"]
    assert (copied.threshold, copied.tolerance) == ("20", "0.5")
    assert (copied.steps, copied.promised, copied.promised_source) == ([], "", "")
    assert copied.threshold_on(date(2027, 6, 1)) == "20"
    assert "Steps with dates and what was promised in the bid are not copied" in words(adam.page("/contracts/new"))


def test_another_supplier_of_a_draft_takes_over_all_below_it(world: World, seat: Seat) -> None:
    adam = seat(world.adam)
    address = begin(adam)
    go_through(adam, address)
    with transaction():
        require_something(contract_at(address))
    form = {key: value for key, value in BEGIN.items() if key != "like"}
    form |= {"supplier_number": NEW_SUPPLIER, "supplier_name": "Nye Graving AS"}
    assert send_form(adam, f"{address}/facts/parties", form).status_code == 303
    contract = contract_at(address)
    assert contract.supplier.name == "Nye Graving AS"
    rows: tuple[Any, ...] = (*contract.sites, *contract.requirements, *contract.representatives)
    assert {row.supplier_id for row in rows} == {contract.supplier_id}
    assert [row.name for row in contract.representatives] == ["Berit Byggherre"]
    assert db.session.scalar(select(func.count(Organisation.id)).where(Organisation.number == NEW_SUPPLIER)) == 1


def test_every_choice_of_counting_is_asked_for() -> None:
    assert not_asked_for() == set()


def test_a_page_that_is_no_part_is_not_there(world: World, seat: Seat) -> None:
    assert seat(world.adam).get(f"/contracts/{world.contract.public_id}/facts/hemmelig").status_code == 404


def test_the_parts_of_the_set_up_hold_no_fact_twice() -> None:
    keys = [fact.key for part in agreements.PARTS.values() for fact in part.facts]
    assert len(keys) == len(set(keys))


def test_a_contract_that_lasts_to_a_leap_day_ends_there(world: World, seat: Seat) -> None:
    with clock.at(datetime(2026, 3, 10, tzinfo=UTC)):
        address = begin(seat(world.adam), ends_on="29.02.2028")
    assert contract_at(address).ends_on == date(2028, 2, 29)
