"""The case page on what a sanction stands on: the last day of a breach noted, the grounds read, the notice's reach."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import ClauseCounts, Deviation, Point, Verdict, Weighing
from portal.operations import deadlines
from portal.operations.cases import deviations, letters
from portal.operations.contracts import contracts
from portal.operations.reports import amendments
from tests.assessing import approve_it, sign_month
from tests.machine_lines import costs_by_line, used
from tests.sanctioning import Room, broken, daily_clause, duty, heard, missing, note_end, proposed, room, send_back
from tests.world import case_of, submit, tick

__all__ = ["room"]

SHARE = "zero_emission_share_energy"


def by_the_day(room: Room) -> Deviation:
    """A broken share under a daily clause, heard and weighed; today is 20 April."""
    daily_clause(room.world, duty(room.world, SHARE))
    clock.move_to(datetime(2026, 4, 8, 9, tzinfo=UTC))
    deviation = heard(room.world, broken(room.world))
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    return deviation


def version(page: str, form: str) -> dict[str, str]:
    found = re.search(rf'name="({form}-version)" value="(\d+)"', page)
    assert found, form
    return {found[1]: found[2]}


def test_the_last_day_is_noted_on_the_page_and_then_it_can_be_proposed(room: Room) -> None:
    deviation = by_the_day(room)
    case = f"/cases/{deviation.public_id}"
    adam = room.at(room.world.adam)
    page = adam.get(case).text
    assert "Until the last day is known no sanction can be proposed." in page
    for by in (room.world.adam, room.world.bo):
        said = room.at(by).reads(case)
        assert "The last day of the breach is not known yet. Each day costs 100" in said
        assert "As the case stands today that is" not in said
        assert "By the day" in room.at(by).reads("/cases")
    assert "As long as something is lacking, no sanction can be proposed." in page
    assert "Propose the sanction" not in page
    given = {"propose-version": str(deviation.version), "propose-reason": "Leverandørens risiko."}
    refused = adam.send(f"{case}/sanction", **given)  # from a page that is older than what is lacking
    assert refused.status_code == 422
    assert "nobody knows yet when the breach ended" in refused.text
    assert "Leverandørens risiko." in refused.text
    assert "Propose the sanction" not in refused.text
    day = {"put_right-on": "2026-04-13", "put_right-reason": "Maskinen ble byttet."}
    answer = adam.send(f"{case}/put-right", **version(page, "put_right"), **day)
    assert (answer.status_code, deviation.cured_on) == (303, date(2026, 4, 13))
    said = adam.reads(case)
    assert "Last day of the breach 13 April 2026 Noted by Adam Prøve: Maskinen ble byttet." in said
    assert "The last day of the breach was noted: 13 April 2026" in said
    assert "Last day counted: 13 April 2026" in said
    page = adam.get(case).text
    assert "Propose the sanction" in page
    sent = adam.send(f"{case}/sanction", **version(page, "propose"), **{"propose-reason": "Leverandørens risiko."})
    assert sent.status_code == 303
    assert deviation.sanction is not None
    assert deviation.sanction.days == 13


def test_both_parties_read_which_report_is_reviewed_before_a_sum_is_known(room: Room) -> None:
    deviation = by_the_day(room)
    april = sign_month(room.world, date(2026, 4, 1), electric="1008", diesel="400")
    note_end(room.world, deviation, date(2026, 4, 13))
    first = "13 April 2026 was noted as the last day of the breach. The report for April 2026 is reviewed first"
    for by in (room.world.adam, room.world.bo):
        said = room.at(by).reads(f"/cases/{deviation.public_id}")
        assert "Last day of the breach 13 April 2026 Noted by Adam Prøve" in said
        assert f"{first}, and no sum is known before that. Each day costs 100" in said
        assert "not known yet. Each day" not in said
        assert "As the case stands today that is" not in said
    approve_it(room.world, april)
    for by in (room.world.adam, room.world.bo):
        assert first not in room.at(by).reads(f"/cases/{deviation.public_id}")


@pytest.mark.parametrize(
    ("day", "reason", "words"),
    [
        ("", "Byttet.", "Write the last day of the breach."),
        ("i går", "Byttet.", "Write the last day of the breach."),
        ("2026-04-13", " ", "Write your reasons."),
        ("2026-04-21", "Byttet.", "The day cannot be later than today."),
        ("2026-02-27", "Byttet.", "The day cannot be before 1 March 2026, the first day that was judged."),
    ],
)
def test_a_slip_is_said_at_its_field_and_nothing_is_lost(room: Room, day: str, reason: str, words: str) -> None:
    deviation = by_the_day(room)
    case = f"/cases/{deviation.public_id}"
    adam = room.at(room.world.adam)
    given = {"put_right-on": day, "put_right-reason": reason}
    answer = adam.send(f"{case}/put-right", **version(adam.get(case).text, "put_right"), **given)
    assert answer.status_code == 422
    assert words in answer.text
    assert deviation.put_right == {}
    assert reason.strip() in answer.text
    assert not day or f'value="{day}"' in answer.text


def test_who_was_first_is_told_and_others_may_not(room: Room) -> None:
    deviation = by_the_day(room)
    case, day = f"/cases/{deviation.public_id}", {"put_right-on": "2026-04-13", "put_right-reason": "Byttet."}
    adam = room.at(room.world.adam)
    before = version(adam.get(case).text, "put_right")
    assert "Say on which day it was put right, and attach what shows it." in room.at(room.world.bo).reads(case)
    note_end(room.world, deviation, date(2026, 4, 10))
    assert adam.send(f"{case}/put-right", **before, **day).status_code == 409
    assert deviation.cured_on == date(2026, 4, 10)
    for by, status in ((room.world.bo, 403), (room.world.rita, 403), (room.world.stranger, 404)):
        desk = room.at(by)
        assert desk.send(f"{case}/put-right", **before, **day).status_code == status, by.person.name
    supplier = room.at(room.world.bo)
    assert "put_right-on" not in supplier.get(case).text
    assert "Last day of the breach 10 April 2026" in supplier.reads(case)


def test_only_where_days_cost_something(room: Room) -> None:
    deviation = heard(room.world, broken(room.world))
    assert "put_right-on" not in room.at(room.world.adam).get(f"/cases/{deviation.public_id}").text
    daily_clause(room.world)
    late = missing_next(room)
    assert "put_right-on" not in room.at(room.world.adam).get(f"/cases/{late.public_id}").text


def missing_next(room: Room) -> Deviation:
    """April's report is not there when it is due."""
    with transaction():
        room.world.report = contracts.open_period(room.world.contract, calendars.month_of(date(2026, 4, 1)))
    return missing(room.world)


def test_the_second_person_reads_the_grounds_and_that_the_notice_was_late(room: Room) -> None:
    with transaction():
        room.world.contract.notice_working_days = 2
    clock.move_to(datetime(2026, 4, 3, 9, tzinfo=UTC))
    deviation = broken(room.world)
    clock.move_to(datetime(2026, 4, 20, 9, tzinfo=UTC))
    proposed(room.world, heard(room.world, deviation))
    said = room.at(room.world.dora).reads(f"/cases/{deviation.public_id}")
    assert "What the sanction stands on The contract has a clause for it: 7.1." in said
    assert "The notice counts as given on 20 April 2026." in said
    assert "To be considered The notice was late: it was sent on 20 April 2026" in said
    supplier = room.at(room.world.bo).reads(f"/cases/{deviation.public_id}")
    assert "What the sanction stands on" not in supplier
    assert "The notice was late" not in supplier


def drop(room: Room, point: Point) -> None:
    with transaction() as session:
        adam = room.world.adam.person
        row = Weighing(**point.parties, point=point, verdict=Verdict.DROPPED, reasons="Likevel ikke.", weighed_by=adam)
        session.add(row)


def test_nothing_is_offered_that_would_be_refused(room: Room) -> None:
    """The only point is dropped while the sanction is proposed: send back, and then withdraw, are what is left."""
    deviation = heard(room.world, broken(room.world))
    sanction = proposed(room.world, deviation)
    case, dora = f"/cases/{deviation.public_id}", room.at(room.world.dora)
    assert "Approve the sanction" in dora.reads(case)
    drop(room, deviation.points[0])
    said = dora.reads(case)
    assert "As long as something is lacking, the sanction cannot be approved." in said
    assert "Approve the sanction" not in said
    assert "Send back" in said
    send_back(room.world, sanction, "Ingen grunn.")
    adam = room.at(room.world.adam)
    assert "Lacking: None of the points of the notice is upheld." in adam.reads(case)
    buttons = re.findall(r"([\w ]+)\s*</button>", adam.get(case).text)
    assert "Propose again" not in buttons
    assert "Withdraw the proposal" in buttons


def test_the_second_person_reads_that_dropped_points_are_charged(room: Room) -> None:
    world = costs_by_line(room.world)
    used(world, "DI-2", "DI-3")
    deviation = heard(world, case_of(world, "4.3"), points=["DI-2.", "DI-3."])
    proposed(world, deviation)
    drop(room, deviation.points[0])
    said = room.at(world.dora).reads(f"/cases/{deviation.public_id}")
    assert "The amount may be for points that are dropped These points are dropped: 1." in said
    assert "Approve the sanction" not in said
    assert "Send back" in said


def test_both_parties_read_that_the_notice_covers_less_than_the_figures_show(room: Room) -> None:
    deviation = heard(room.world, broken(room.world))
    with transaction():
        deviation.facts = {**deviation.facts, "breaches": 3}
    for by in (room.world.adam, room.world.bo):
        said = room.at(by).reads(f"/cases/{deviation.public_id}")
        assert "The figures in force now show 3 breaches. The notice covers 1 of them" in said


def test_a_case_that_was_found_anew_leads_to_the_one_before(room: Room) -> None:
    first = broken(room.world)
    with transaction():
        deviations.dismiss(first, "Måleren var feil.", by=room.world.adam, version=first.version)
    with transaction():
        amendments.propose(room.world.report, "Feil måler.", by=room.world.anna, version=room.world.report.version)
    submit(room.world, diesel="20000")
    approve_it(room.world, room.world.report)
    second = db.session.scalars(select(Deviation).where(Deviation.occasion == 2)).one()
    page = room.at(room.world.adam).get(f"/cases/{second.public_id}").text
    assert "There was a case about the same before:" in page
    assert f'href="/cases/{first.public_id}"' in page
    said = room.at(room.world.adam).reads(f"/cases/{first.public_id}")
    assert "It was found anew, and is a new case" in said


def test_a_first_breach_under_a_warning_is_shown_as_a_warning(room: Room) -> None:
    with transaction():
        room.world.contract.clauses[0].warns_first = True
    deviation = broken(room.world)
    for by in (room.world.adam, room.world.bo):
        desk = room.at(by)
        assert "Written warning" in desk.reads("/cases")
        assert "20 000 NOK" not in desk.reads("/cases")
        said = desk.reads(f"/cases/{deviation.public_id}")
        assert "As the case stands today that is a written warning." in said
        assert "As the case stands today that is 20 000" not in said


def test_a_fee_by_line_for_a_share_of_the_whole_says_that_it_counts_once(room: Room) -> None:
    with transaction():
        room.world.contract.clauses[0].counts = ClauseCounts.LINE
    deviation = broken(room.world)
    page = room.at(room.world.adam).reads(f"/cases/{deviation.public_id}")
    once = "This requirement is about the report as a whole, so the breach counts once."
    assert f"{once} As the case stands today that is 20" in page
    with force_locale("en"):
        assert once in letters.notice_draft(deviation)


def test_what_came_on_the_day_after_the_hour_is_no_missing_report(room: Room) -> None:
    """Due at noon, proposed at five past while nothing is there, filed at two."""
    world, noon = room.world, datetime(2026, 4, 17, 10, tzinfo=UTC)
    with transaction():
        world.contract.due_time = "12:00"
        world.report.due_at = world.report.period.due_at = noon
        deadlines.tell(world.report)
    clock.move_to(noon + timedelta(minutes=5))
    tick()
    deviation = heard(world, case_of(world, "5.1"))
    case = f"/cases/{deviation.public_id}"
    proposed(world, deviation)
    assert "Reported No report" in room.at(world.adam).reads(case)
    clock.move_to(noon + timedelta(hours=2))
    submit(world)
    said = room.at(world.adam).reads(case)
    assert "Reported On the day it was due, after the time of day" in said
    assert "No report" not in said
    assert "Delay: not yet → the same day, after the time of day" in room.at(world.dora).reads(case)
