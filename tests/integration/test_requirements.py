"""Requirements set up on the pages: from the catalogue, changed in a draft, by change order in a contract that runs."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal import calendars, clock
from portal.errors import Invalid
from portal.extensions import db, transaction
from portal.model import (
    ChangeOrder,
    ClauseForm,
    Comparison,
    ContractState,
    Decision,
    Membership,
    Requirement,
    SanctionClause,
    Window,
)
from portal.operations.cases import clauses, previews
from portal.operations.contracts import agreements, contracts
from portal.operations.contracts.contracts import Rate
from portal.operations.contracts.duties import Terms
from portal.operations.reports import reviews
from portal.operations.running import requirements
from tests.desk import Desk, give_passwords, sit_down, words
from tests.sanctioning import broken, decided, heard, proposed
from tests.world import World, case_of, deliver_mail, submit

FORM = {"comparison": "at_least", "threshold": "25", "window": "year", "clause": "8.1", "valid_from": "01.01.2026"}


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    """PostgreSQL in the soak: test_windows reads the same requirements on both in each run."""
    return everyday_database_url


@pytest.fixture
def draft(app: Flask, world: World) -> World:
    """The contract is still being set up."""
    del app
    with transaction():
        world.contract.state = ContractState.DRAFT
    give_passwords(world)
    return world


def page(world: World, tail: str = "") -> str:
    return f"/contracts/{world.contract.public_id}/requirements{tail}"


def version(world: World) -> str:
    db.session.expire_all()
    return str(world.contract.version)


def send(desk: Desk, world: World, form: Mapping[str, Any], offer: str = "zero_emission_share_energy") -> Any:
    return desk.send(page(world, f"/new?offer={offer}"), **{"version": version(world), **form})


def added(world: World, clause: str = "8.1") -> Requirement:
    db.session.expire_all()
    return db.session.scalars(
        select(Requirement).where(Requirement.contract_id == world.contract.id, Requirement.clause == clause)
    ).one()


def test_the_catalogue_proposes_and_what_is_sent_is_stored(app: Flask, draft: World) -> None:
    desk = sit_down(app, draft.adam)
    listed = desk.reads(page(draft))
    assert "Zero-emission share: operating hours" in listed
    assert "Minimum Euro class" not in listed, "the contract does not ask for transport"
    proposal = desk.get(page(draft, "/new?offer=minimum_stage")).text
    assert "All machines on the contract shall have Stage IIIB or better." in proposal
    form = {
        **FORM,
        "threshold": "12,5",
        "promised": "30",
        "promised_source": "Tilbudet s. 4",
        "tolerance": "0,5",
        "step_from_0": "01.01.2027",
        "step_threshold_0": "40",
        "wording": "Minst 12,5 %.",
    }
    answer = send(desk, draft, form)
    assert answer.status_code == 303, words(answer)
    kept = added(draft)
    assert (kept.kind, kept.indicator, kept.threshold) == ("machinery", "zero_emission_share_energy", "12.5")
    assert (kept.window, kept.promised, kept.tolerance) == (Window.YEAR, "30", "0.5")
    assert kept.steps == [{"from": "2027-01-01", "threshold": "40"}]
    shown = desk.reads(page(draft))
    assert "at least 12.5 %" in shown
    assert "Then 40 % from 1 January 2027." in shown
    assert "Promised in the bid: 30 % (Tilbudet s. 4). The stricter one binds." in shown


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threshold": ""}, "Write a number"),
        ({"threshold": "1.234"}, "can be read in two ways"),
        ({"threshold": "101"}, "A share is between 0 and 100."),
        ({"clause": " "}, "Say which clause of the contract."),
        ({"valid_from": "i morgen"}, "is not a date"),
        ({"valid_from": "31.12.2025"}, "The contract runs from 1 January 2026 to 31 December 2027."),
        ({"valid_to": "01.12.2025"}, "The last day cannot be before the first."),
        ({"promised": "30"}, "Say where in the bid it stands."),
        ({"tolerance": "-1"}, "Cannot be less than 0."),
        ({"step_from_0": "01.01.2027"}, "A step needs both a day and a threshold."),
        ({"step_from_0": "01.01.2026", "step_threshold_0": "30"}, "The step must begin after"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(
    app: Flask, draft: World, wrong: dict[str, str], said: str
) -> None:
    desk = sit_down(app, draft.adam)
    answer = send(desk, draft, {**FORM, "wording": "Det jeg skrev.", **wrong})
    assert answer.status_code == 422
    read = words(answer)
    assert "You must correct 1 error" in read
    assert said in read
    assert "Det jeg skrev." in read


def test_who_was_overtaken_is_told_and_keeps_what_was_written(app: Flask, draft: World) -> None:
    desk = sit_down(app, draft.adam)
    seen = version(draft)
    assert send(desk, draft, FORM).status_code == 303
    answer = send(desk, draft, {**FORM, "clause": "8.2", "version": seen})
    assert answer.status_code == 409
    assert "Somebody else was first" in words(answer)
    assert 'value="8.2"' in answer.text
    assert send(desk, draft, {**FORM, "clause": "8.2"}).status_code == 303


def test_a_draft_is_changed_and_emptied_by_its_buyer_only(app: Flask, draft: World) -> None:
    adam = sit_down(app, draft.adam)
    send(adam, draft, FORM)
    at = f"/requirements/{added(draft).public_id}"
    assert 'value="25"' in adam.get(f"{at}/edit").text
    answer = adam.send(f"{at}/edit", **{**FORM, "threshold": "35", "version": version(draft)})
    assert answer.status_code == 303
    assert added(draft).threshold == "35"
    for outsider, status in ((draft.rita, 403), (draft.anna, 404), (draft.stranger, 404)):
        desk = sit_down(app, outsider)
        assert desk.get(f"{at}/edit").status_code == status
        assert desk.send(f"{at}/remove", version=version(draft)).status_code == status
    assert adam.send(f"{at}/remove", version=version(draft)).status_code == 303
    assert db.session.scalar(select(Requirement).where(Requirement.clause == "8.1")) is None


def order(world: World, day: date = date(2026, 4, 1)) -> ChangeOrder:
    with transaction():
        row = ChangeOrder(**world.contract.parties, reference="EO-1", agreed_on=day, from_on=day, reason="Avtalt.")
        world.contract.change_orders.append(row)
    return row


def test_what_runs_changes_by_change_order_from_its_day_and_is_never_rewritten(app: Flask, world: World) -> None:
    give_passwords(world)
    desk = sit_down(app, world.adam)
    assert "What runs is changed by a change order only." in desk.reads(page(world))
    assert send(desk, world, FORM).status_code == 422, "no change order"
    agreed = str(order(world).public_id)
    early = send(desk, world, {**FORM, "order": agreed, "valid_from": "31.03.2026"})
    assert early.status_code == 422
    assert "The change order is in force from 1 April 2026." in words(early)
    assert send(desk, world, {**FORM, "order": agreed, "valid_from": "01.04.2026"}).status_code == 303
    assert added(world).change_order_id == world.contract.change_orders[0].id
    old = next(duty for duty in world.contract.requirements if duty.clause == "4.2")
    at = f"/requirements/{old.public_id}"
    assert desk.get(f"{at}/edit").status_code == 422, "what runs is not edited"
    assert desk.send(f"{at}/end", order=agreed, last_day="30.03.2026", version=version(world)).status_code == 422
    ended = desk.send(f"{at}/end", order=agreed, last_day="31.03.2026", version=version(world))
    assert ended.status_code == 303, words(ended)
    db.session.expire_all()
    assert old.valid_to == date(2026, 3, 31)
    assert old in world.contract.requirements_on(date(2026, 3, 31))
    assert old not in world.contract.requirements_on(date(2026, 4, 30))


def test_both_parties_read_how_it_stands_and_others_find_nothing(app: Flask, world: World) -> None:
    give_passwords(world)
    for by in (world.anna, world.rita):
        read = sit_down(app, by).reads(page(world))
        assert "Machinery: Zero-emission share of energy at least 20 %" in read
        assert "Add from the catalogue" not in read
    assert sit_down(app, world.stranger).get(page(world)).status_code == 404


def terms(by: Membership, **changes: Any) -> Terms:
    del by
    agreed: dict[str, Any] = {
        "kind": "machinery",
        "indicator": "lowest_stage",
        "comparison": Comparison.AT_LEAST,
        "threshold": "V",
        "clause": "8.3",
        "valid_from": date(2026, 1, 1),
    }
    return Terms(**{**agreed, **changes})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scope": {"types": ["tipper"]}}, "types"),  # a lorry is no machine
        ({"scope": {"sites": ["00000000-0000-4000-8000-000000000000"]}}, "sites"),
        ({"kind": "site", "indicator": "energy", "threshold": "5", "scope": {"types": ["crane"]}}, "types"),
        ({"kind": "fuel", "indicator": "liquid_fuel", "threshold": "5", "scope": {"sites": ["x"]}}, "sites"),
        ({"threshold": "VII"}, "threshold"),
        ({"tolerance": "1"}, "tolerance"),
        ({"kind": "transport", "indicator": "lowest_euro_class", "threshold": "euro_6"}, "kind"),
        ({"kind": "", "indicator": "report_on_time", "threshold": "0"}, "kind"),  # it has that already
        ({"kind": "", "indicator": "plan_after_start", "threshold": "0"}, "threshold"),
        ({"kind": "", "indicator": "plan_after_start", "threshold": "30", "window": Window.YEAR}, "window"),
    ],
)
def test_what_cannot_be_is_refused_at_set_up(draft: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused, transaction():
        requirements.add(draft.contract, terms(draft.adam, **changes), by=draft.adam, version=draft.contract.version)
    assert [problem.field for problem in refused.value.problems] == [field]  # type: ignore[attr-defined]


# -- a requirement in the place of another --------------------------------------------------------------------------


def replacing(world: World, **changes: Any) -> tuple[Requirement, Requirement]:
    """4.2 ends on 31 March, and 25 % of the same figure is asked for from 1 April in its place."""
    agreed = world.contract.change_orders[0] if world.contract.change_orders else order(world)
    old = next(each for each in world.contract.requirements if each.clause == "4.2")
    share = terms(
        world.adam,
        indicator="zero_emission_share_energy",
        threshold="25",
        clause="4.2 b",
        **{"valid_from": date(2026, 4, 1), **changes},
    )
    with transaction():
        if old.valid_to is None:
            requirements.end(old, date(2026, 3, 31), by=world.adam, version=world.contract.version, order=agreed)
    with transaction():
        new = requirements.add(
            world.contract, share, by=world.adam, version=world.contract.version, order=agreed, replaces=old
        )
    return old, new


def own_clause(world: World, duty: Requirement, **terms: Any) -> SanctionClause:
    with transaction():
        return contracts.add_clause(
            world.contract,
            SanctionClause(clause="8.2", wording="Eget gebyr.", requirement=duty, **terms),
            Rate(world.contract.starts_on, Decimal(5000)),
        )


def test_what_replaces_a_requirement_keeps_its_clause_and_goes_on_in_its_ladder(world: World) -> None:
    """March breaks 4.2 (a warning); April breaks what came in its place: 5 000 of the own clause, never the 20 000."""
    clause = own_clause(world, next(each for each in world.contract.requirements if each.clause == "4.2"))
    with transaction():
        clause.warns_first = True
    march = heard(world, broken(world))
    _old, new = replacing(world)
    assert world.contract.clause_for(new) is clause
    with transaction():
        world.report = contracts.open_period(world.contract, calendars.month_of(date(2026, 4, 1)))
    clock.move_to(datetime(2026, 5, 8, 9, tzinfo=UTC))
    submit(world, diesel="9000")
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    deliver_mail()
    april = heard(world, case_of(world, "4.2 b"))
    assert [[each.amount for each in shown.earlier] for shown in previews.of(world.contract, by=world.adam)] == [
        [],
        [0, 5000],
    ]
    assert decided(world, proposed(world, march)).step == "warning"
    assert april.at_stake == 5000
    sanction = decided(world, proposed(world, april))
    assert (sanction.step, sanction.amount, sanction.clause) == ("fee", Decimal(5000), clause)


def test_a_requirement_is_replaced_once_after_it_has_ended_by_one_about_the_same(world: World) -> None:
    old, new = replacing(world)
    assert (new.continues_id, requirements.replaceable(world.contract, old.kind, old.indicator)) == (old.id, [])
    with pytest.raises(Invalid, match="has been replaced"):
        replacing(world)
    with transaction():
        requirements.end(
            new,
            date(2026, 6, 30),
            by=world.adam,
            version=world.contract.version,
            order=world.contract.change_orders[0],
        )
    assert requirements.replaceable(world.contract, old.kind, old.indicator) == [new]
    stage = next(each for each in world.contract.requirements if each.clause == "4.3")
    for replaced, first, said in (
        (new, date(2026, 6, 30), "must end before"),
        (stage, date(2026, 7, 1), "same figure"),
    ):
        share = terms(world.adam, indicator="zero_emission_share_energy", threshold="30", valid_from=first)
        with pytest.raises(Invalid, match=said), transaction():
            requirements.add(
                world.contract,
                share,
                by=world.adam,
                version=world.contract.version,
                order=world.contract.change_orders[0],
                replaces=replaced,
            )


def test_the_page_proposes_what_a_requirement_replaces(app: Flask, world: World) -> None:
    give_passwords(world)
    desk = sit_down(app, world.adam)
    old = next(each for each in world.contract.requirements if each.clause == "4.2")
    clause = own_clause(world, old)
    agreed = str(order(world).public_id)
    assert 'name="replaces"' not in desk.get(page(world, "/new?offer=zero_emission_share_energy")).text
    at = f"/requirements/{old.public_id}/end"
    assert desk.send(at, order=agreed, last_day="31.03.2026", version=version(world)).status_code == 303
    offered = desk.get(page(world, "/new?offer=zero_emission_share_energy")).text
    assert f'<option selected value="{old.public_id}">Clause 4.2, which ended on 31 March 2026</option>' in offered
    sent = {**FORM, "order": agreed, "window": "period", "valid_from": "01.04.2026", "replaces": str(old.public_id)}
    too_early = send(desk, world, {**sent, "valid_from": "31.03.2026", "order": agreed})
    assert too_early.status_code == 422
    assert send(desk, world, sent).status_code == 303
    new = added(world)
    assert (new.continues_id, world.contract.clause_for(new)) == (old.id, clause)
    assert "A changed form of clause 4.2 as first agreed" in desk.reads(page(world))
    assert "Clause 8.2, for breach of clause 4.2, 8.1" in desk.reads(
        f"/contracts/{world.contract.public_id}/sanction-clauses"
    )


# -- a clause for what is new -----------------------------------------------------------------------------------------


def test_a_new_requirement_gets_its_clause_by_the_change_order_that_brought_it(app: Flask, world: World) -> None:
    give_passwords(world)
    desk = sit_down(app, world.adam)
    here = f"/contracts/{world.contract.public_id}/sanction-clauses"
    assert desk.get(f"{here}/new").status_code == 422, "nothing is new"
    assert "Add a sanction clause" not in desk.reads(here)
    agreed, other = order(world), another_order(world)
    with transaction():
        new = requirements.add(
            world.contract,
            terms(world.adam, valid_from=date(2026, 4, 1)),
            by=world.adam,
            version=world.contract.version,
            order=agreed,
        )
    general = world.contract.clauses[0]
    assert world.contract.clause_for(new) is general
    assert "Add a sanction clause" in desk.reads(here)
    offered = desk.get(f"{here}/new?form=fee").text
    assert str(new.public_id) in offered
    assert 'value="all"' not in offered
    sent = {**CLAUSE, "requirement": str(new.public_id), "change_order": str(agreed.public_id)}
    for wrong, said in (
        ({"change_order": ""}, "Agreed in change order"),
        ({"change_order": str(other.public_id)}, "only be for a new requirement that came by the same change order"),
        ({"valid_from": "31.03.2026"}, "no earlier than the change order is, 1 April 2026"),
    ):
        answer = desk.send(f"{here}/new", **{**sent, **wrong, "version": version(world)})
        assert answer.status_code == 422
        assert said in words(answer)
    assert desk.send(f"{here}/new", **sent, version=version(world)).status_code == 303
    own = world.contract.clause_for(added(world, "8.3"))
    assert own is not None
    assert (own.clause, own.rates[0].amount, own.rates[0].change_order) == ("8.4", Decimal(7000), agreed)
    assert [world.contract.clause_for(duty) for duty in world.contract.requirements if duty != new] == [general] * 3


CLAUSE = {
    "form": "fee",
    "clause": "8.4",
    "wording": "Gebyr for nytt krav.",
    "warns_first": "no",
    "rate": "7000",
    "valid_from": "01.04.2026",
    "counts": "period",
}


def another_order(world: World) -> ChangeOrder:
    day = date(2026, 5, 1)
    with transaction():
        row = ChangeOrder(**world.contract.parties, reference="EO-2", agreed_on=day, from_on=day, reason="Avtalt.")
        world.contract.change_orders.append(row)
    return row


def test_no_clause_comes_to_what_runs_already_or_has_one(world: World) -> None:
    _old, new = replacing(world)
    running = next(each for each in world.contract.requirements if each.clause == "4.3")
    agreed = world.contract.change_orders[0]
    assert clauses.without_own(world.contract) == []
    for duty in (None, running, new):
        fee = clauses.Terms(
            form=ClauseForm.FEE,
            clause="8.4",
            wording="Gebyr.",
            rate=Decimal(7000),
            valid_from=date(2026, 4, 1),
            requirement=duty,
        )
        with pytest.raises(Invalid) as refused, transaction():
            clauses.add(world.contract, fee, by=world.adam, version=world.contract.version, order=agreed)
        assert [problem.field for problem in refused.value.problems] == ["requirement"]  # type: ignore[attr-defined]


def test_the_clause_of_a_replaced_requirement_comes_along_to_another_contract(world: World) -> None:
    """The next contract takes the form that was in force to the end, with the clause that the first form was given."""
    own_clause(world, next(each for each in world.contract.requirements if each.clause == "4.2"))
    replacing(world)
    values: dict[str, str | Decimal | date | None] = {
        "reference": "K-2",
        "title": "Neste",
        "starts_on": date(2028, 1, 1),
        "ends_on": date(2028, 12, 31),
        "supplier_number": world.contract.supplier.number,
    }
    with transaction():
        following = agreements.draft(values, by=world.adam, like=world.contract)
    taken = next(each for each in following.requirements if each.clause == "4.2 b")
    own = following.clause_for(taken)
    assert (taken.continues_id, own and own.clause, own and own.requirement_id) == (None, "8.2", taken.id)
