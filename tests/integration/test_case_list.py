"""The lists of cases and of sanctions: narrowed and in order by each thing, as each side may know it, at one cost."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from portal import clock
from portal.extensions import db, transaction
from portal.model import (
    Contract,
    ContractState,
    Deviation,
    DeviationState,
    Membership,
    OrganisationKind,
    Sanction,
    SanctionState,
)
from portal.operations import accounts
from portal.operations.cases import stakes
from portal.web import choices
from portal.work import HANDLERS, SCHEDULES
from tests.desk import Desk, words
from tests.sanctioning import Room, broken, daily_clause, days_after_deadline, decided, heard, missing, proposed, room
from tests.statements import counted
from tests.world import World, case_of, deliver_mail

__all__ = ["room"]

D = Decimal


def another(like: Deviation, name: str, **facts: object) -> Deviation:
    """One more case of the same report."""
    session = db.session
    row = Deviation(
        **like.parties,
        requirement=like.requirement,
        report=like.report,
        cause=like.cause,
        cause_group=name,
        clause=name,
        sentence=like.sentence,
        facts=like.facts,
        **{"known_at": like.known_at, **facts},
    )
    session.add(row)
    session.flush()
    return row


def cases(world: World) -> dict[str, Deviation]:
    """One at each step, each with its own age, deadline and amount."""
    first, now = broken(world), clock.now()
    with transaction():
        first.at_stake, first.clause = D(500), "found"
        first.notice_due_at = now - timedelta(days=1)
        made = {
            "found": first,
            "replying": another(
                first,
                "replying",
                state=DeviationState.AWAITING_REPLY,
                reply_due_at=now + timedelta(days=3),
                at_stake=D(20_000),
                known_at=now - timedelta(days=100),
            ),
            "assessing": another(
                first, "assessing", state=DeviationState.ASSESSING_REPLY, known_at=now - timedelta(days=40)
            ),
            "extended": another(
                first,
                "extended",
                state=DeviationState.AWAITING_REPLY,
                reply_due_at=now + timedelta(days=30),
                at_stake=D(7_000),
            ),
            "proposed": another(first, "proposed", state=DeviationState.SANCTION_PROPOSED, at_stake=D(9_000)),
            "closed": another(first, "closed", state=DeviationState.CLOSED, at_stake=D(20_000)),
        }
        _propose(made["proposed"], world, D(8_000))
    return made


def _propose(deviation: Deviation, world: World, amount: Decimal) -> None:
    """A proposal, for what the lists read of it."""
    db.session.add(
        Sanction(
            **deviation.parties,
            deviation=deviation,
            clause=world.contract.clauses[0],
            amount=amount,
            currency="NOK",
            reasons="Prøve",
            proposed_by=world.adam.person,
            proposers=[world.adam.person_id],
        )
    )
    db.session.flush()


def listed(desk: Desk, query: str = "") -> list[str]:
    answer = desk.get(f"/cases?{query}")
    assert answer.status_code == 200, answer.text
    return re.findall(r"Requirement broken, clause (\w+)", answer.text)


def test_narrowed_by_each_thing(room: Room) -> None:
    world = room.world
    cases(world)
    adam = room.at(world.adam)
    unsettled = {"found", "replying", "assessing", "extended", "proposed"}
    assert set(listed(adam)) == unsettled
    assert set(listed(adam, "state=all")) == {*unsettled, "closed"}
    assert listed(adam, "state=assessing_reply") == ["assessing"]
    assert listed(adam, "state=sanction_proposed") == ["proposed"]
    assert set(listed(adam, "age=30")) == {"replying", "assessing"}
    assert listed(adam, "age=90") == ["replying"]
    assert listed(adam, "due=passed") == ["found"]
    assert listed(adam, "due=week") == ["replying"]
    assert listed(adam, "due=later") == ["extended"]
    assert set(listed(adam, "due=none")) == {"assessing", "proposed"}
    assert set(listed(adam, "least=7 000")) == {"replying", "extended", "proposed"}
    assert set(listed(adam, "least=7000&most=9000,00")) == {"extended", "proposed"}
    assert listed(adam, "least=8000&most=8000") == ["proposed"], "what is proposed, not what the clause gives"
    assert listed(adam, "most=500") == ["found"]
    assert listed(adam, "state=closed&least=1") == [], "nothing was decided, and nothing is at stake"
    assert listed(adam, "age=30&due=week&least=1&most=99999") == ["replying"]


def test_what_was_sent_back_is_listed_with_what_was_proposed_and_what_was_withdrawn_is_not(room: Room) -> None:
    """As the list of sanctions counts it; to the supplier it is still what the clause gives."""
    world = room.world
    case = cases(world)["proposed"]
    adam, bo = room.at(world.adam), room.at(world.bo)
    for state, amount in ((SanctionState.SENT_BACK, "8000"), (SanctionState.WITHDRAWN, "9000")):
        with transaction():
            assert case.sanction is not None
            case.sanction.move(state, by=None)
        exactly = f"least={amount}&most={amount}"
        assert listed(adam, exactly) == ["proposed"], state
        assert listed(bo, "least=9000&most=9000") == ["proposed"], state


def test_to_the_supplier_a_proposal_is_a_reply_under_assessment_also_in_a_filter(room: Room) -> None:
    world = room.world
    cases(world)
    bo = room.at(world.bo)
    assert set(listed(bo, "state=assessing_reply")) == {"assessing", "proposed"}
    assert listed(bo, "state=sanction_proposed") == []
    assert listed(bo, "due=passed") == [], "the buyer's own deadline is the buyer's"
    assert "found" in listed(bo, "due=none")
    assert listed(bo, "least=9000&most=9000") == ["proposed"], "what the clause gives, not what is proposed"
    places = listed(bo, "sort=state")
    assert abs(places.index("assessing") - places.index("proposed")) == 1


def test_in_order_by_each_thing_and_paged_by_key(room: Room) -> None:
    world = room.world
    made = cases(world)
    adam = room.at(world.adam)
    assert listed(adam, "sort=age&state=all")[:2] == ["replying", "assessing"]
    assert listed(adam, "sort=deadline")[:3] == ["found", "replying", "extended"]
    assert listed(adam, "sort=amount") == ["replying", "proposed", "extended", "found", "assessing"]
    assert listed(adam, "sort=state") == ["found", "replying", "extended", "assessing", "proposed"]
    for sort in ("", "age", "deadline", "amount", "contract", "state"):
        whole = listed(adam, f"sort={sort}&state=all")
        assert len(whole) == 6
        for place, name in enumerate(whole):
            assert listed(adam, f"sort={sort}&state=all&after={made[name].public_id}") == whole[place + 1 :], sort


def test_the_choice_is_kept_said_and_lifted(room: Room) -> None:
    world = room.world
    cases(world)
    adam, contract = room.at(world.adam), world.contract.public_id
    page = adam.get(f"/cases?contract={contract}&due=week&least=100&sort=amount").text
    for label, lifted in (
        ("K-1 Prøveskolen", "/cases?due=week&amp;least=100&amp;sort=amount"),
        ("Deadline: within a week", f"/cases?contract={contract}&amp;least=100&amp;sort=amount"),
        ("at least 100", f"/cases?contract={contract}&amp;due=week&amp;sort=amount"),
    ):
        assert f'href="{lifted}"' in page, lifted
        assert label in page
    assert '<option value="amount" selected>' in page
    assert '<option value="week" selected>' in page
    assert "No case fits this filter." in adam.reads("/cases?least=1000000")
    wrong = adam.get("/cases?least=mye&most=-&age=7&due=x&state=x&sort=x&contract=x&after=x")
    assert (wrong.status_code, wrong.text.count("is not a number. Write for example 1 840.5.")) == (200, 2)
    assert 'aria-describedby="least-error"' in wrong.text


# -- the amount -----------------------------------------------------------------------------------------------------


def amount(desk: Desk, query: str = "state=all") -> str:
    found = re.findall(r'data-label="Amount">(.*?)</td>', desk.get(f"/cases?{query}").text, re.DOTALL)
    assert len(found) == 1
    return " ".join(re.sub(r"<[^>]+>", "", found[0]).replace("&nbsp;", " ").replace("\u00a0", " ").split())


def test_the_amount_is_what_was_decided_or_proposed(room: Room) -> None:
    world = room.world
    sanction = proposed(world, heard(world, broken(world)))
    with transaction():
        case_of(world).at_stake = D(30_000)
    adam, bo = room.at(world.adam), room.at(world.bo)
    assert (amount(adam), amount(bo)) == ("20 000 NOK", "30 000 NOK"), "the proposal is the buyer's own"
    decided(world, sanction)
    deliver_mail()
    assert amount(adam) == amount(bo) == "20 000 NOK"


def test_a_daily_amount_is_counted_to_today_by_the_worker(room: Room) -> None:
    """1 ‰ of 100 000 000 for each day that the report is late, and nobody who has the page open is disturbed."""
    world = room.world
    daily_clause(world)
    deviation = missing(world)
    before = deviation.version
    for days in (1, 3, 8):
        days_after_deadline(world, days)
        HANDLERS["cases.recount"]({})
        adam = room.at(world.adam)
        assert amount(adam) == f"{days * 100} 000 NOK"
        assert listed_missing(adam, f"least={days * 100_000}") == 1
        assert listed_missing(adam, f"least={days * 100_000 + 1}") == 0
    assert case_of(world, "5.1").version == before
    assert "cases.recount" in SCHEDULES
    assert stakes.outdated() == []


def listed_missing(desk: Desk, query: str) -> int:
    return desk.get(f"/cases?{query}").text.count("Report missing, clause 5.1")


# -- what it costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/cases?state=all", "/sanctions"])
def test_twenty_rows_cost_as_many_statements_as_two(room: Room, address: str) -> None:
    world = room.world
    made = cases(world)
    desks = [room.at(by) for by in (world.adam, world.anna)]
    for desk in desks:
        desk.get(address)
    few = []
    for desk in desks:
        with counted() as statements:
            desk.get(address)
        few.append(len(statements))
    with transaction():
        for number in range(20):
            contract = _contract(world, number)
            other = another(made["found"], f"more{number}", contract=contract)
            _propose(other, world, D(number))
    for desk, expected in zip(desks, few, strict=True):
        with counted() as statements:
            page = desk.get(address).text
        assert page.count("Mange") >= (20 if address.startswith("/cases") or desk is desks[0] else 0)
        assert len(statements) == expected, "\n\n".join(statements)
        assert not any("FROM site" in statement for statement in statements)


def _contract(world: World, number: int, **facts: object) -> Contract:
    contract = Contract(
        **{
            "buyer_id": world.contract.buyer_id,
            "supplier_id": world.contract.supplier_id,
            "state": ContractState.RUNNING,
            "reference": f"M-{number:03}",
            "title": "Mange",
            "starts_on": world.contract.starts_on,
            "ends_on": world.contract.ends_on,
            "kinds": world.contract.kinds,
            "counted": world.contract.counted,
            "basis": world.contract.basis,
            "reporting_clause": "5.1",
            **facts,
        }
    )
    db.session.add(contract)
    db.session.flush()
    return contract


# -- many contracts -------------------------------------------------------------------------------------------------

LISTS = ("/cases", "/sanctions", "/reports", "/machines", "/queue", "/missing-reports")


def reader(world: World, address: str) -> Membership:
    return world.rita if address in {"/queue", "/missing-reports"} else world.adam


def test_only_contracts_that_occur_in_a_list_are_offered(room: Room) -> None:
    world = room.world
    cases(world)
    with transaction():
        _contract(world, 1)
    for address in LISTS:
        page = room.at(reader(world, address)).get(address).text
        assert "K-1 Prøveskolen" in page, address
        assert "M-001" not in page, address


def test_where_there_are_many_the_reference_is_written(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    world = room.world
    made = cases(world)
    with transaction():
        other = _contract(world, 1)
        another(made["found"], "elsewhere", contract=other)
    monkeypatch.setattr(choices, "MOST", 1)
    adam = room.at(world.adam)
    page = adam.get("/cases").text
    assert '<input class="ds-input" type="text" id="contract" name="contract"' in page
    assert "M-001 Mange" not in page
    assert listed(adam, "contract=M-001") == ["elsewhere"]
    shown = adam.get("/cases?contract=M-001").text
    assert 'name="contract" value="M-001"' in shown
    assert f"/cases?contract={other.public_id}" not in adam.get("/cases").text
    assert listed(adam, f"contract={other.public_id}") == ["elsewhere"]
    assert listed(adam, "contract=finnes-ikke") == []
    assert "nothing that fits" in adam.reads("/cases?contract=finnes-ikke")
    for address in LISTS:
        desk = room.at(reader(world, address))
        assert "Remove filter: K-1 Prøveskolen" in desk.reads(f"{address}?contract=K-1"), address


def test_a_reference_of_somebody_else_s_contract_finds_nothing(room: Room) -> None:
    world = room.world
    cases(world)
    with transaction():
        alien = accounts.add_organisation("311000012", "Annen kommune", OrganisationKind.BUYER)
        contract = _contract(world, 7, buyer_id=alien.id, supplier_id=world.stranger.organisation_id)
    adam = room.at(world.adam)
    assert listed(adam, "contract=M-007") == []
    assert "Mange" not in words(adam.get(f"/cases?contract={contract.public_id}"))
