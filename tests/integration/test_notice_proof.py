"""Proof of a notice: whose receipt and opening count, service by hand, a rule that stands as it was."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import select

from portal import calendars, clock
from portal.errors import Invalid
from portal.extensions import db, transaction
from portal.model import Deviation, DeviationState, MailState, NoticeStart, OutgoingMail
from portal.operations import audit
from portal.operations.cases import deviations, grounds, notices
from tests.casework import CHARGER, ZONE, arrive, delivered, end_of, name_representative, notified, served
from tests.desk import give_passwords, sit_down, words
from tests.world import World, actions, open_tasks, tick_at

TUESDAY, WEDNESDAY = (datetime(2026, 3, day, 9, tzinfo=UTC) for day in (10, 11))


@pytest.fixture
def database_url(everyday_database_url: str) -> str:
    return everyday_database_url


def starts(world: World, rule: NoticeStart, deemed: int = 0) -> None:
    with transaction():
        world.contract.notice_starts, world.contract.deemed_working_days = rule, deemed
    db.session.expire_all()


def opens(deviation: Deviation, by: object) -> None:
    with transaction():
        notices.note_opened(deviation, by=by)  # type: ignore[arg-type]


# -- whose opening and receipt count -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", NoticeStart)
def test_who_is_not_named_starts_no_clock_by_looking(world: World, rule: NoticeStart) -> None:
    """Bo is named, and his letter has not arrived; Anna has hers, and opens the case twice."""
    starts(world, rule, deemed=2)
    name_representative(world, "bo@prove.example")
    deviation = notified(world)
    arrive("anna@prove.example")
    for _ in range(2):
        opens(deviation, world.anna)
    notice = deviation.notices[0]
    assert (notice.opened_at, notice.delivered_at, notice.takes_effect_at) == (None, None, None)
    assert [each["name"] for each in notice.seen] == ["Anna Prøve"]
    assert actions(notice, world) == ["notice.written", "notice.seen"]
    assert (deviation.state, open_tasks()) == (DeviationState.NOTIFIED, [])
    assert not notices.is_unopened(deviation, world.anna)
    assert notices.is_unopened(deviation, world.bo)


@pytest.mark.parametrize(
    ("rule", "given_on"),
    [
        (NoticeStart.DELIVERED, date(2026, 3, 11)),
        (NoticeStart.OPENED, date(2026, 3, 11)),
        (NoticeStart.DEEMED, date(2026, 3, 13)),
    ],
)
def test_the_named_one_s_opening_is_receipt_though_the_letter_came_back(
    world: World, rule: NoticeStart, given_on: date
) -> None:
    """Opened on Wednesday 11 March: given then, or two working days after it."""
    starts(world, rule, deemed=2)
    name_representative(world, "BO@prove.example")
    deviation = notified(world)
    arrive("anna@prove.example")
    arrive("BO@prove.example", MailState.FAILED)
    opens(deviation, world.anna)
    clock.move_to(WEDNESDAY)
    opens(deviation, world.bo)
    notice = deviation.notices[0]
    assert notice.takes_effect_at is not None
    assert calendars.local_day(notice.takes_effect_at, ZONE) == given_on
    assert notice.delivered_how == "opened in the portal by Bo Prøve"
    assert open_tasks() == ["reply"]


def test_deemed_given_is_counted_from_the_letter_that_counts(world: World) -> None:
    """Anna's letter went on Tuesday, Bo's on Wednesday: two working days from there is Friday."""
    starts(world, NoticeStart.DEEMED, deemed=2)
    name_representative(world, "bo@prove.example")
    deviation = notified(world)
    arrive("anna@prove.example")
    assert deviation.notices[0].takes_effect_at is None
    clock.move_to(WEDNESDAY)
    arrive("bo@prove.example")
    assert deviation.notices[0].takes_effect_at == calendars.start_of_day(date(2026, 3, 13), ZONE)


def test_delivered_to_the_named_one_counts_whoever_opens_it(world: World) -> None:
    name_representative(world, "bo@prove.example")
    deviation = notified(world)
    arrive("bo@prove.example")
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])
    opens(deviation, world.anna)
    assert (deviation.notices[0].opened_at, len(deviation.notices[0].seen)) == (None, 1)


def test_whoever_is_named_since_counts_too(world: World) -> None:
    """The named one is no longer there; Bo is named in their place on Wednesday, and opens the notice."""
    starts(world, NoticeStart.OPENED)
    name_representative(world, "gone@prove.example")
    deviation = notified(world)
    opens(deviation, world.bo)
    assert deviation.notices[0].opened_at is None
    name_representative(world, "bo@prove.example", date(2026, 3, 11))
    assert not notices.counts(deviation.notices[0], "bo@prove.example"), "not before the day"
    clock.move_to(WEDNESDAY)
    opens(deviation, world.bo)
    assert (deviation.notices[0].opened_by_id, open_tasks()) == (world.bo.person_id, ["reply"])


def test_where_nobody_is_named_everybody_who_may_answer_counts(world: World) -> None:
    starts(world, NoticeStart.OPENED)
    deviation = notified(world)
    opens(deviation, world.anna)
    assert (deviation.notices[0].seen, open_tasks()) == ([], ["reply"])


def test_sent_again_it_is_known_whom_it_went_to_the_first_time(world: World) -> None:
    name_representative(world, "gone@prove.example")
    deviation = notified(world)
    tick_at(TUESDAY + timedelta(days=2, hours=1))
    with transaction():
        world.contract.representatives[0].to_on = date(2026, 3, 11)
    name_representative(world, "bo@prove.example")
    with transaction():
        notices.settle_delivery(deviation, None, by=world.adam, version=deviation.version)
    went_to = {each["email"]: each["as"] for each in deviation.notices[0].sent_to}
    assert went_to["gone@prove.example"] == "representative"
    arrive("bo@prove.example")
    assert deviation.notices[0].delivered_at is not None, "named since, and the letter has arrived"


# -- handed over otherwise ---------------------------------------------------------------------------------------------


def serve(world: World, deviation: Deviation, service: notices.Service) -> None:
    """Adam notes that the notice was handed over."""
    with transaction():
        notices.settle_delivery(deviation, service, by=world.adam, version=deviation.version)


def handed_over(world: World, service: notices.Service, *, noted_at: datetime) -> Deviation:
    """No letter arrives, and the notice is handed over instead, as is noted at a moment."""
    deviation = notified(world)
    for who in ("anna", "bo"):
        arrive(f"{who}@prove.example", MailState.FAILED)
    tick_at(noted_at)
    serve(world, deviation, service)
    return deviation


def test_service_by_hand_is_a_ground_of_its_own_and_leaves_the_mail_s_proof(world: World) -> None:
    """Delivered by mail on Tuesday and never opened; handed over on Friday, noted on Monday."""
    starts(world, NoticeStart.OPENED)
    deviation = delivered(world)
    notice = deviation.notices[0]
    by_mail = (notice.delivered_at, notice.delivered_how)
    assert by_mail[0] is not None
    tick_at(datetime(2026, 3, 16, 9, tzinfo=UTC))
    serve(world, deviation, served("I byggemøte 8", CHARGER, on=date(2026, 3, 13)))
    assert (notice.delivered_at, notice.delivered_how) == by_mail
    assert (notice.opened_at, notice.served_at) == (None, end_of(date(2026, 3, 13)))
    assert (notice.served_to, notice.served_how) == ("Bo Prøve, daglig leder", "I byggemøte 8")
    assert [file.name for file in notice.evidence] == ["lader.txt"]
    assert notice.takes_effect_at == notice.served_at
    assert deviation.reply_due_at == end_of(date(2026, 3, 23)), "five working days from Monday, when it was noted"
    [event] = [each for each, _person in audit.trail([notice], by=world.adam) if each.action == "notice.served"]
    assert event.facts["files"] == [notice.evidence[0].sha256]
    assert "Bo Prøve" not in str(event.facts) + str(event.changes), "the chain holds no names"


@pytest.mark.parametrize(
    ("rule", "given_at"),
    [
        (NoticeStart.DELIVERED, end_of(date(2026, 3, 12))),
        (NoticeStart.OPENED, end_of(date(2026, 3, 12))),
        (NoticeStart.DEEMED, calendars.start_of_day(date(2026, 3, 16), ZONE)),
    ],
)
def test_service_by_hand_takes_effect_by_the_contract_s_rule(
    world: World, rule: NoticeStart, given_at: datetime
) -> None:
    """Handed over on Thursday 12 March: given that day, or two working days after it."""
    starts(world, rule, deemed=2)
    deviation = handed_over(
        world, served("Rekommandert", on=date(2026, 3, 12)), noted_at=datetime(2026, 3, 16, 9, tzinfo=UTC)
    )
    notice = deviation.notices[0]
    assert (notice.takes_effect_at, notice.delivered_how) == (given_at, "Rekommandert")
    assert notice.delivered_at == notice.served_at == end_of(date(2026, 3, 12))
    assert open_tasks() == ["reply"]


@pytest.mark.parametrize("rule", NoticeStart)
def test_a_day_that_is_noted_late_takes_no_time_to_reply(world: World, rule: NoticeStart) -> None:
    """Given on 10 March, they say on 15 April: five working days from that day, and whoever decides is told of it."""
    starts(world, rule, deemed=2)
    deviation = handed_over(
        world, served("Gitt til Ola", on=date(2026, 3, 10)), noted_at=datetime(2026, 4, 15, 9, tzinfo=UTC)
    )
    notice = deviation.notices[0]
    assert notice.takes_effect_at is not None
    assert notice.takes_effect_at < datetime(2026, 3, 13, tzinfo=UTC)
    assert notice.served_noted_at is not None
    assert calendars.local_day(notice.served_noted_at, ZONE) == date(2026, 4, 15)
    assert deviation.reply_due_at == notice.reply_due_at == end_of(date(2026, 4, 22))
    tick_at(datetime(2026, 4, 22, 9, tzinfo=UTC))
    assert (deviation.state, open_tasks()) == (DeviationState.AWAITING_REPLY, ["reply"])
    [said] = [each.en for each in grounds.remarks(deviation) if "handed over" in each.en]
    assert said.startswith("The notice was handed over on 10 March 2026 (Gitt til Ola), but that was not noted before")
    assert "15 April 2026. The time to reply is counted from then." in said
    tick_at(datetime(2026, 4, 23, 9, tzinfo=UTC))
    assert deviation.state == DeviationState.ASSESSING_REPLY


def test_a_day_that_is_noted_the_same_day_needs_no_remark(world: World) -> None:
    starts(world, NoticeStart.OPENED)
    deviation = delivered(world)
    tick_at(datetime(2026, 3, 16, 9, tzinfo=UTC))
    serve(world, deviation, served("I møte"))
    assert deviation.reply_due_at == end_of(date(2026, 3, 23))
    assert grounds.remarks(deviation) == []


def test_opened_after_it_was_handed_over_moves_nothing(world: World) -> None:
    starts(world, NoticeStart.OPENED)
    deviation = delivered(world)
    tick_at(datetime(2026, 3, 16, 9, tzinfo=UTC))
    serve(world, deviation, served("I møte"))
    before = (deviation.notices[0].takes_effect_at, deviation.reply_due_at)
    clock.move_to(clock.now() + timedelta(days=1))
    opens(deviation, world.bo)
    assert deviation.notices[0].opened_at is not None
    assert (deviation.notices[0].takes_effect_at, deviation.reply_due_at) == before


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        (served("", on=date(2026, 3, 16)), notices.SAY_HOW),
        (served("I møte", to=" ", on=date(2026, 3, 16)), notices.SAY_TO_WHOM),
        (served("I møte", on=date(2026, 3, 9)), notices.NOT_THEN),
        (served("I møte", on=date(2026, 3, 17)), notices.NOT_THEN),
        (notices.Service("Bo", None, "I møte"), notices.SAY_WHEN),
    ],
)
def test_proof_says_to_whom_when_and_how(world: World, service: notices.Service, problem: object) -> None:
    """Written on Tuesday 10 March, noted on Monday the 16th."""
    starts(world, NoticeStart.OPENED)
    deviation = delivered(world)
    tick_at(datetime(2026, 3, 16, 9, tzinfo=UTC))
    with pytest.raises(Invalid) as refused, transaction():
        notices.settle_delivery(deviation, service, by=world.adam, version=deviation.version)
    assert refused.value.text == problem
    assert (deviation.notices[0].served_at, open_tasks()) == (None, ["confirm_delivery"])


def test_noted_on_the_page_and_read_by_both(world: World, app: Flask) -> None:
    starts(world, NoticeStart.OPENED)
    name_representative(world, "egil@prove.example")
    deviation = delivered(world)
    tick_at(datetime(2026, 3, 16, 9, tzinfo=UTC))
    give_passwords(world)
    adam, bo, stranger = (sit_down(app, by) for by in (world.adam, world.bo, world.stranger))
    page = f"/cases/{deviation.public_id}"
    assert "Seen by others at the supplier Bo Prøve, 16 Mar 2026" in bo.reads(page)
    assert 'value="2026-03-16"' in adam.get(page).text, "filled in with today"
    url, said = f"{page}/delivery", {"delivery-version": deviation.version, "delivery-on": "2026-03-16"}
    wrong = adam.send(url, **said, **{"delivery-how": "", "delivery-to": ""})
    assert (wrong.status_code, notices.SAY_HOW.en in words(wrong), notices.SAY_TO_WHOM.en in words(wrong)) == (
        422,
        True,
        True,
    )
    filled = {**said, "delivery-how": "I møte", "delivery-to": "Egil Ekstern"}
    done = adam.send(url, **filled, **{"delivery-files": (BytesIO(b"Kvittert.\n"), "kvittering.txt")})
    assert done.status_code == 303
    shown = bo.reads(page)
    assert "16 Mar 2026 to Egil Ekstern: I møte" in shown
    assert "kvittering.txt" in shown
    db.session.expire_all()
    file = f"/evidence/{deviation.notices[0].evidence[0].public_id}"
    assert [desk.get(file).status_code for desk in (adam, bo, stranger)] == [200, 200, 404]


# -- taken back before it counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [False, True])
def test_a_notice_can_be_taken_back_before_it_counts_as_given(world: World, asked: bool) -> None:
    """On its way, and when somebody is asked what became of it; what arrives afterwards changes nothing."""
    deviation = notified(world)
    if asked:
        tick_at(TUESDAY + timedelta(days=3))
    assert open_tasks() == (["confirm_delivery"] if asked else [])
    with pytest.raises(Invalid), transaction():
        deviations.withdraw_notice(deviation, " ", by=world.adam, version=deviation.version)
    with transaction():
        deviations.withdraw_notice(deviation, "Feil kontrakt.", by=world.adam, version=deviation.version)
    assert (deviation.state, deviation.outcome, open_tasks()) == (DeviationState.CLOSED, "Feil kontrakt.", [])
    closed = select(OutgoingMail.to_address).where(OutgoingMail.letter == "case_closed")
    assert sorted(db.session.scalars(closed)) == ["anna@prove.example", "bo@prove.example"]
    arrive("bo@prove.example")
    assert (deviation.state, deviation.reply_due_at, open_tasks()) == (DeviationState.CLOSED, None, [])


def test_taking_it_back_is_offered_on_the_page_while_it_is_on_its_way(world: World, app: Flask) -> None:
    deviation = notified(world)
    give_passwords(world)
    adam, bo = sit_down(app, world.adam), sit_down(app, world.bo)
    url = f"/cases/{deviation.public_id}/withdraw"
    assert url in adam.get(f"/cases/{deviation.public_id}").text
    told = {"withdraw-version": str(deviation.version), "withdraw-reason": "Feil kontrakt."}
    assert bo.send(url, **told).status_code == 403
    assert adam.send(url, **told).status_code == 303
    assert "Feil kontrakt." in adam.reads(f"/cases/{deviation.public_id}")


# -- the rule stands ---------------------------------------------------------------------------------------------------


def test_a_contract_that_is_changed_later_moves_no_clock(world: World) -> None:
    """Written under three working days in Norway: sent on Tuesday 10 March, given on Friday."""
    starts(world, NoticeStart.DEEMED, deemed=3)
    deviation = notified(world)
    with transaction():
        world.contract.deemed_working_days, world.contract.notice_starts = 8, NoticeStart.OPENED
        world.contract.country, world.contract.time_zone = "GB", "Asia/Tokyo"
    arrive("bo@prove.example")
    notice = deviation.notices[0]
    assert (notice.deemed_working_days, notice.country, notice.time_zone) == (3, "NO", ZONE)
    assert notice.takes_effect_at == calendars.start_of_day(date(2026, 3, 13), ZONE)
    assert deviation.reply_due_at == end_of(date(2026, 3, 20))


def test_a_notice_from_before_the_rule_was_kept_follows_the_contract(world: World) -> None:
    starts(world, NoticeStart.DEEMED, deemed=3)
    deviation = notified(world)
    with transaction():
        notice = deviation.notices[0]
        notice.deemed_working_days = notice.country = notice.time_zone = None
    arrive("bo@prove.example")
    assert deviation.notices[0].takes_effect_at == calendars.start_of_day(date(2026, 3, 13), ZONE)
