"""Sanctions over HTTP: proposed, sent back, waived, decided; the clauses of a contract; the list."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import clock
from portal.calendars import Counting
from portal.extensions import db, transaction
from portal.model import (
    AuditEvent,
    ChangeOrder,
    ClauseForm,
    Contract,
    DailyBase,
    DailyStart,
    Deviation,
    OrganisationKind,
    Role,
    Sanction,
    SanctionClause,
    SanctionState,
)
from portal.operations import accounts
from portal.operations.cases import previews
from tests.clause_pages import DAILY, FEE, version
from tests.desk import Desk
from tests.sanctioning import (
    Room,
    broken,
    daily_clause,
    days_after_deadline,
    decided,
    drafted,
    heard,
    missing,
    proposed,
    room,
)
from tests.world import World, submit

__all__ = ["room"]

D = Decimal


# -- a proposal -------------------------------------------------------------------------------------------------------


def test_proposed_sent_back_proposed_again_and_approved_by_another(room: Room) -> None:
    deviation = heard(room.world, broken(room.world))
    case = f"/cases/{deviation.public_id}"
    adam, dora = room.at(room.world.adam), room.at(room.world.dora)
    page = adam.get(case)
    assert "Ask for what the clause gives?" in adam.reads(case)
    sent = {**version(page.text), "propose-reason": "Leverandørens risiko.", "propose-waive": ""}
    assert adam.send(f"{case}/sanction", **sent).status_code == 303
    sanction = db.session.scalars(select(Sanction)).one()
    act = f"/cases/sanctions/{sanction.public_id}"
    assert "Number of breaches: the period counts as one" in dora.reads(case)
    seen = version(dora.get(case).text)
    assert (
        dora.send(f"{act}/decide", **seen, send_back="1", **{"decide-comment": "Vurder strømmen."}).status_code == 303
    )
    back = adam.get(case)
    assert "Vurder strømmen." in back.text
    again = {
        **version(back.text),
        "revise-reason": "Strømmen er vurdert.",
        "revise-waive": "part",
        "revise-waived": "5 000",
        "revise-waiver_reason": "Byggestrømmen kom sent.",
    }
    assert adam.send(f"{act}/revise", **again).status_code == 303
    said = dora.reads(case)
    assert "Waived: Byggestrømmen kom sent. 5 000 NOK" in said
    assert "Amount asked for = amount − waived 15 000 NOK" in said
    seen = version(dora.get(case).text)
    assert dora.send(f"{act}/decide", **seen, approve="1", **{"decide-comment": "Enig."}).status_code == 303
    db.session.expire_all()
    assert (sanction.state, sanction.amount) == (SanctionState.DECIDED, D(15_000))
    assert sanction.decided_by_id == room.world.dora.person_id
    assert "Of what the clause gives, 5 000 NOK is not asked for: Byggestrømmen kom sent." in room.at(
        room.world.bo
    ).reads(case)


@pytest.mark.parametrize(
    ("filled", "said"),
    [
        ({"waive": "part", "waived": "mye", "waiver_reason": "x"}, "“mye” is not a number."),
        ({"waive": "part", "waived": "20 001", "waiver_reason": "x"}, "no more than 20 000 NOK"),
        ({"waive": "all", "waiver_reason": " "}, "Write why the amount is waived."),
        ({"waive": "", "reason": " "}, "Write your reasons."),
    ],
)
def test_a_slip_in_a_proposal_is_said_at_its_field_and_nothing_is_lost(
    room: Room, filled: dict[str, str], said: str
) -> None:
    deviation = heard(room.world, broken(room.world))
    case = f"/cases/{deviation.public_id}"
    adam = room.at(room.world.adam)
    form = {f"propose-{name}": value for name, value in {"reason": "Mine grunner.", **filled}.items()}
    answer = adam.send(f"{case}/sanction", **version(adam.get(case).text), **form)
    assert answer.status_code == 422
    assert said in answer.text.replace("\u00a0", " ")
    assert ("Mine grunner." in answer.text) == ("reason" not in filled)
    assert db.session.scalar(select(Sanction.id)) is None


def test_the_same_person_is_refused_also_with_both_roles(room: Room) -> None:
    sanction = proposed(room.world, heard(room.world, broken(room.world)))
    with transaction():
        room.world.adam.role_codes = [Role.ADMINISTRATOR.value, Role.DECISION_MAKER.value]
    adam = room.at(room.world.adam)
    case, act = f"/cases/{sanction.deviation.public_id}", f"/cases/sanctions/{sanction.public_id}"
    assert "You proposed this sanction yourself." in adam.reads(case)
    answer = adam.send(f"{act}/decide", **{"decide-version": str(sanction.version)}, approve="1")
    assert answer.status_code == 403
    assert sanction.state == SanctionState.PROPOSED


def test_a_case_assessed_anew_says_what_changed_and_cannot_be_approved(room: Room) -> None:
    daily_clause(room.world)
    deviation = heard(room.world, missing(room.world))
    days_after_deadline(room.world, 10)
    sanction = proposed(room.world, deviation)
    case, act = f"/cases/{deviation.public_id}", f"/cases/sanctions/{sanction.public_id}"
    dora = room.at(room.world.dora)
    before = version(dora.get(case).text)
    submit(room.world)
    answer = dora.send(f"{act}/decide", **before, approve="1")
    assert answer.status_code == 409
    said = dora.reads(case)
    assert "Something has changed since the amount was calculated" in said
    assert "Delay: not yet → 10 days" in said
    assert "Approve the sanction" not in said
    assert "Send back" in said
    assert sanction.state == SanctionState.PROPOSED


# -- the list ---------------------------------------------------------------------------------------------------------


def test_the_supplier_sees_a_sanction_from_when_it_is_decided(room: Room) -> None:
    sanction = proposed(room.world, heard(room.world, broken(room.world)))
    anna, dora, sten = room.at(room.world.anna), room.at(room.world.dora), room.at(room.world.stranger)
    assert "No sanctions" in anna.reads("/sanctions")
    assert "1 waits for a decision: 20 000 NOK" in dora.reads("/sanctions")
    decided(room.world, sanction)
    assert "1 decided, together 20 000 NOK" in anna.reads("/sanctions")
    assert "Clause 7.1" in anna.reads("/sanctions")
    assert "No sanctions" in sten.reads("/sanctions")
    assert "Sanctions" in dora.reads("/")


def _many(world: World, amounts: list[int]) -> None:
    """So many proposals, each on a case of its own."""
    first = proposed(world, heard(world, broken(world)))
    with transaction() as session:
        for number, amount in enumerate(amounts):
            other = Deviation(
                **first.parties,
                requirement=first.deviation.requirement,
                report=first.deviation.report,
                cause=first.deviation.cause,
                cause_group=f"test {number}",
                clause="4.2",
                sentence=first.deviation.sentence,
                facts=first.deviation.facts,
                known_at=clock.now(),
            )
            session.add(other)
            session.flush()
            session.add(
                Sanction(
                    **first.parties,
                    deviation=other,
                    clause=first.clause,
                    amount=D(amount),
                    currency="NOK",
                    reasons="Prøve",
                    proposed_by=world.adam.person,
                    proposers=[world.adam.person_id],
                    created_at=clock.now() - timedelta(days=number),
                )
            )


def _amounts(page: str) -> list[str]:
    found = re.findall(r'data-label="Amount">(.*?)</td>', page, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", each).replace("\u00a0", " ").replace("&nbsp;", " ").strip() for each in found]


def test_the_list_is_narrowed_ordered_and_paged_by_key(room: Room) -> None:
    _many(room.world, [1000 * (number % 7) for number in range(60)])
    dora = room.at(room.world.dora)
    seen: list[str] = []
    address = "/sanctions?order=largest"
    for _ in range(3):
        page = dora.get(address).text
        seen += _amounts(page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        address = following[1].replace("&amp;", "&")
    assert len(seen) == 61
    numbers = [int(each.removesuffix(" NOK").replace(" ", "")) for each in seen]
    assert numbers == sorted(numbers, reverse=True)
    assert set(_amounts(dora.get("/sanctions?least=6 000").text)) == {"20 000 NOK", "6 000 NOK"}
    assert "No sanction fits this filter." in dora.reads("/sanctions?state=decided")
    assert len(_amounts(dora.get("/sanctions?age=30").text)) == 30
    assert dora.get("/sanctions?least=mye&state=odd&order=odd&age=7&contract=1&after=x").status_code == 200
    assert "“mye” is not a number." in dora.reads("/sanctions?least=mye")


# -- clauses ----------------------------------------------------------------------------------------------------------


def managing(room: Room) -> Desk:
    with transaction():
        room.world.ruth.role_codes = [Role.CONTRACT_MANAGER.value]
    return room.at(room.world.ruth)


def test_a_clause_is_chosen_previewed_added_changed_and_removed(room: Room) -> None:
    contract, ruth = drafted(room.world), managing(room)
    here = f"/contracts/{contract.public_id}/sanction-clauses"
    assert "A daily amount: an amount for each day" in ruth.reads(f"{here}/new")
    page = ruth.get(f"{here}/new?form=daily").text
    assert 'name="cap_percent"' in page
    assert 'name="counts"' not in page
    shown = ruth.send(f"{here}/new", **version(page), **DAILY, show="1")
    assert shown.status_code == 200
    assert (
        "0.5 ‰ per working day of the contract&#39;s value with change orders (now 50 000 NOK a day), "
        "from the day after the deadline, or after the days that were judged. The first 2 days cost nothing. "
        "At least 1 500 NOK a day. At most 100 days. "
        "At most 10 % of the base altogether."
    ) in shown.text.replace("\u00a0", " ")
    assert "A report that comes 5 working days late would cost 150 000 NOK." in shown.text.replace("\u00a0", " ")
    assert db.session.scalar(select(SanctionClause.id).where(SanctionClause.contract_id == contract.id)) is None
    assert ruth.send(f"{here}/new", **version(page), **DAILY).status_code == 303
    clause = db.session.scalars(select(SanctionClause).where(SanctionClause.contract_id == contract.id)).one()
    assert (clause.form, clause.rates[0].amount, clause.cap_days, clause.cap_percent, clause.grace_days) == (
        ClauseForm.DAILY,
        D("0.5"),
        100,
        D(10),
        2,
    )
    edit = f"/sanction-clauses/{clause.public_id}"
    form = ruth.get(edit).text
    assert 'value="0.5"' in form
    assert ruth.send(edit, **version(form), **FEE).status_code == 303
    db.session.expire_all()
    assert (clause.form, clause.counts, clause.rates[0].amount, clause.cap_days) == (
        ClauseForm.FEE,
        "line",
        D(25_000),
        None,
    )
    assert "25 000 NOK for each line in breach. The first time it is a written warning." in ruth.reads(here)
    assert ruth.send(f"{edit}/remove", **version(ruth.get(here).text)).status_code == 303
    assert "The contract has no sanction clause." in ruth.reads(here)
    actions = db.session.scalars(
        select(AuditEvent.action).where(AuditEvent.contract_id == contract.id).order_by(AuditEvent.id)
    ).all()
    assert actions == ["contract.clause_added", "contract.clause_changed", "contract.clause_removed"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rate": "101"}, "cannot be more than 100"),
        ({"rate": "0"}, "cannot be less than 0.001"),
        ({"rate": "en"}, "is not a number"),
        ({"valid_from": "31.02.2026"}, "31.02.2026"),
        ({"clause": ""}, "the field is empty"),
        ({"grace_days": "1,5"}, "Enter a whole number of days."),
        ({"cap_days": "2,5"}, "Enter a whole number of days."),
        ({"cap_days": "0"}, "cannot be less than 1"),
        ({"cap_percent": "120"}, "cannot be more than 100"),
        ({"base": "fixed"}, "Enter the amount that the base is."),
        ({"base": "fixed", "base_amount": "0"}, "Enter the amount that the base is."),
        ({"least_per_day": "10,001"}, "two ways"),
        ({"least_per_day": "10,0015"}, "at most two decimals"),
        ({"base": ""}, "the field is empty"),
    ],
)
def test_what_is_wrong_in_a_clause_is_said_at_its_field(room: Room, wrong: dict[str, str], said: str) -> None:
    contract, ruth = drafted(room.world), managing(room)
    here = f"/contracts/{contract.public_id}/sanction-clauses/new"
    page = ruth.get(f"{here}?form=daily").text
    answer = ruth.send(here, **version(page), **{**DAILY, **wrong})
    assert answer.status_code == 422
    assert said in answer.text.replace("\u00a0", " ")
    assert "error-summary" in answer.text
    assert "Dagmulkt ved forsinkelse." in answer.text
    assert db.session.scalar(select(SanctionClause.id).where(SanctionClause.contract_id == contract.id)) is None


def test_two_who_write_at_once_and_the_second_keeps_what_was_written(room: Room) -> None:
    contract, ruth = drafted(room.world), managing(room)
    here = f"/contracts/{contract.public_id}/sanction-clauses/new"
    seen = version(ruth.get(f"{here}?form=fee").text)
    assert ruth.send(here, **seen, **FEE).status_code == 303
    second = ruth.send(here, **seen, **DAILY)
    assert second.status_code == 409
    assert "The contract has changed since you opened the page." in second.text
    assert "Dagmulkt ved forsinkelse." in second.text
    same = ruth.send(here, **version(second.text), **DAILY)
    assert same.status_code == 422
    assert "already has a clause for this requirement" in same.text


def test_an_agreed_clause_only_gets_a_new_rate_under_a_change_order(room: Room) -> None:
    clause, ruth = room.world.contract.clauses[0], managing(room)
    edit = f"/sanction-clauses/{clause.public_id}"
    here = f"/contracts/{room.world.contract.public_id}/sanction-clauses"
    assert "Add a sanction clause" not in ruth.reads(here)
    answer = ruth.send(edit, version=str(room.world.contract.version), **FEE)
    assert answer.status_code == 422
    assert "The contract is running." in answer.text
    assert "Register the change order first" in ruth.reads(f"{edit}/rates")
    rate = {"rate": "30 000", "valid_from": "01.05.2026"}
    refused = ruth.send(f"{edit}/rates", version=str(room.world.contract.version), **rate)
    assert refused.status_code == 422
    with transaction() as session:
        order = ChangeOrder(
            **clause.parties,
            reference="E-1",
            agreed_on=date(2026, 4, 1),
            from_on=date(2026, 5, 1),
            reason="Dyrere brudd.",
        )
        session.add(order)
    early = {**rate, "valid_from": "30.04.2026", "change_order": str(order.public_id)}
    seen = version(ruth.get(f"{edit}/rates").text)
    answer = ruth.send(f"{edit}/rates", **seen, **early)
    assert answer.status_code == 422
    assert "no earlier than the change order is, 1 May 2026" in answer.text
    right = {**rate, "change_order": str(order.public_id)}
    assert ruth.send(f"{edit}/rates", **seen, **right).status_code == 303
    db.session.expire_all()
    assert [(each.valid_from, each.amount) for each in clause.rates] == [
        (date(2026, 1, 1), D(20_000)),
        (date(2026, 5, 1), D(30_000)),
    ]
    assert "From 1 May 2026: 30 000 NOK." in ruth.reads(here)
    again = ruth.send(f"{edit}/rates", **version(ruth.get(f"{edit}/rates").text), **right)
    assert "There is a rate from this day already." in again.text


def test_who_may_write_clauses(room: Room) -> None:
    contract = drafted(room.world)
    new = f"/contracts/{contract.public_id}/sanction-clauses/new"
    own = f"/sanction-clauses/{room.world.contract.clauses[0].public_id}"
    assert room.at(room.world.rita).get(new).status_code == 403
    assert room.at(room.world.anna).get(own).status_code == 403
    assert room.at(room.world.stranger).get(own).status_code == 404
    with transaction():
        other = accounts.add_organisation("311000012", "Annen kommune", OrganisationKind.BUYER)
        person = accounts.add_person("olga@prove.example", "Olga Prøve")
        olga = accounts.add_membership(person, other, Role.ADMINISTRATOR)
        person.password = room.world.adam.person.password
    assert room.at(olga).get(new).status_code == 404
    assert room.at(olga).send(f"{own}/remove", version="1").status_code == 404


# -- what it would have given -----------------------------------------------------------------------------------------


def test_before_anything_happened_the_supplier_reads_an_example(room: Room) -> None:
    daily_clause(room.world)
    anna = room.at(room.world.anna)
    said = anna.reads(f"/contracts/{room.world.contract.public_id}/sanction-clauses")
    assert "A period with a breach would cost 20 000 NOK. So far it would have given nothing." in said
    assert "A report that comes 5 days late would cost 500 000 NOK." in said
    assert "Edit" not in said


def test_earlier_periods_say_what_they_would_have_given(room: Room) -> None:
    """Filed 4 days late and in breach: 4 × 100 000 under the daily clause, the fee of 20 000 for the breach."""
    daily_clause(room.world)
    days_after_deadline(room.world, 4)
    broken(room.world)
    found = {
        each.clause.clause: each for each in previews.of(db.session.merge(room.world.contract), by=room.world.adam)
    }
    [fee], [late] = found["7.1"].earlier, found["7.2"].earlier
    assert (fee.amount, late.amount) == (D(20_000), D(400_000))
    assert fee.found.en.startswith("Breach of clause 4.2: ")
    assert late.found.en.startswith(
        "Breach of clause 5.1: The report for March 2026 was filed 4 days after it was due, "
    )
    for by in (room.world.anna, room.world.dora):
        said = room.at(by).reads(f"/contracts/{room.world.contract.public_id}")
        assert re.search(r"March 2026 Breach of clause 5.1: The report for March 2026 [^.]+\. 400 000 NOK", said)


def test_where_a_clause_warns_first_the_first_breach_is_a_warning(room: Room) -> None:
    with transaction():
        room.world.contract.clauses[0].warns_first = True
    broken(room.world)
    [preview] = previews.of(db.session.merge(room.world.contract), by=room.world.adam)
    assert [(each.gives.en, each.amount) for each in preview.earlier] == [("A written warning", D(0))]
    assert preview.total == 0


def test_a_report_that_is_not_there_counts_so_far(room: Room) -> None:
    daily_clause(room.world, day_counting=Counting.CALENDAR)
    missing(room.world)
    days_after_deadline(room.world, 3)
    [late] = next(
        each for each in previews.of(room.world.contract, by=room.world.adam) if each.clause.clause == "7.2"
    ).earlier
    assert late.amount == 3 * D(100_000)
    assert late.found.en.startswith("Breach of clause 5.1: The report for March 2026 has not been filed. It was due ")


def test_what_takes_a_notice_to_say_is_said_for_each_day(room: Room) -> None:
    requirement = next(each for each in room.world.contract.requirements if each.clause == "4.2")
    daily_clause(room.world, requirement, starts=DailyStart.NOTICE)
    broken(room.world)
    preview = next(each for each in previews.of(room.world.contract, by=room.world.adam) if each.clause.clause == "7.2")
    [breach] = preview.earlier
    assert breach.amount is None
    assert breach.gives.en == "100\u00a0000\u00a0NOK for each day from the notice until the breach was put right"


def test_a_clause_without_its_base_says_so(room: Room) -> None:
    daily_clause(room.world, base=DailyBase.VALUE)
    with transaction():
        db.session.get_one(Contract, room.world.contract.id).value = None
    preview = next(each for each in previews.of(room.world.contract, by=room.world.adam) if each.clause.clause == "7.2")
    assert preview.example.en == "Cannot be computed: the contract lacks the base."
    assert "7.2" in room.at(room.world.anna).reads(f"/contracts/{room.world.contract.public_id}")
