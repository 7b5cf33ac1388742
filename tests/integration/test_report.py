"""A report's life through the operations, with the real engine, on both databases."""

from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from portal import clock
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.extensions import db, transaction
from portal.model import (
    Answer,
    Decision,
    Deviation,
    DraftLine,
    FindingResult,
    Measured,
    OutgoingMail,
    Report,
    ReportState,
    Review,
    Role,
)
from portal.operations import accounts, audit, processes
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.reports import reports, reviews, revisions
from portal.operations.reports.comments import Place
from tests.reviewing import return_for
from tests.world import IN_APRIL, World, fill_in, machine_lines, open_tasks, submit, tick


def test_a_report_goes_from_open_to_approved(world: World) -> None:
    assert (world.report.state, open_tasks()) == (ReportState.OPEN, ["fill_in"])
    fill_in(world)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    assert (world.report.state, open_tasks()) == (ReportState.TO_SIGN, ["sign"])
    with transaction():
        revision = reports.sign(world.report, by=world.bo, version=world.report.version)
    assert (world.report.state, open_tasks(), revision.number) == (ReportState.SUBMITTED, ["review"], 1)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    assert (world.report.state, open_tasks()) == (ReportState.APPROVED, [])
    assert all(section.accepted_revision_id == revision.id for section in world.report.sections)
    assert list(audit.broken_links()) == []


def test_figures_are_those_computed_by_hand(world: World) -> None:
    """5 000 kWh of electricity, 1 000 l of diesel of 10.08 kWh (0.84 kg/l × 12 kWh/kg) and 2.66 kg CO2 a litre."""
    submit(world)
    revision = world.report.latest
    assert revision is not None
    figures = {(figure.kind, figure.indicator): figure for figure in revision.figures}
    share = figures["machinery", "zero_emission_share_energy"]
    assert (share.numerator, share.denominator, share.unit) == (
        Decimal(5000),
        Decimal(5000) + Decimal("0.84") * 12 * 1000,
        "%",
    )
    assert figures["machinery", "emissions_co2"].numerator == Decimal("2.66") * 1000
    measured = db.session.scalars(select(Measured).where(Measured.key == "energy"))
    assert sum(row.amount for row in measured) == Decimal(15080)
    findings = {finding.requirement.clause: finding.result for finding in revision.findings}
    assert findings == {"4.2": FindingResult.MET, "4.3": FindingResult.MET}


def test_a_revision_cannot_be_changed_or_removed(world: World) -> None:
    submit(world)
    revision = world.report.latest
    assert revision is not None
    assert revision.hash == revisions.content_hash(world.report, revision)
    for statement in (
        "UPDATE revision SET hash = 'x'",
        "DELETE FROM revision_line",
        "UPDATE measure SET amount = 1",
        "DELETE FROM figure",
        "UPDATE finding SET result = 'met'",
        "UPDATE audit_event SET action = 'x'",
        "DELETE FROM audit_event",
    ):
        with pytest.raises(DatabaseError, match=r"insert-only|permission denied"), transaction() as session:
            session.execute(text(statement))


def test_only_what_was_commented_can_be_corrected(world: World) -> None:
    submit(world)
    diesel = world.machines["DI-2"]
    row = next(line for line in world.report.latest.lines_of("machinery") if str(line.key) == diesel)  # type: ignore[union-attr]
    return_for(world.report, world.rita, (Place("machinery", row.key, "amount"), "Stemmer litertallet?"))
    assert (world.report.state, open_tasks()) == (ReportState.RETURNED, ["fill_in"])
    tampered = machine_lines(world, electric="9999", diesel="900")
    with pytest.raises(Invalid) as refused, transaction():
        drafts.save(world.report, "machinery", tampered, by=world.anna, version=world.report.version)
    assert {problem.rule for problem in refused.value.problems} == {"locked"}  # type: ignore[attr-defined]
    with pytest.raises(Invalid), transaction():
        drafts.save(world.report, "machinery", machine_lines(world)[:1], by=world.anna, version=world.report.version)
    with transaction():
        drafts.save(
            world.report, "machinery", machine_lines(world, diesel="900"), by=world.anna, version=world.report.version
        )
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    with transaction():
        second = reports.sign(world.report, by=world.bo, version=world.report.version)
    changed = {str(line.key): line.values["amount"]["value"] for line in second.lines_of("machinery")}
    assert (second.number, changed[diesel], changed[world.machines["EL-1"]]) == (2, "900", "5000")
    first = world.report.revisions[0]
    assert {str(line.key): line.values["amount"]["value"] for line in first.lines_of("machinery")}[diesel] == "1000"


def test_a_rejected_report_is_open_in_full_and_the_breach_is_noted(world: World) -> None:
    submit(world)
    with pytest.raises(Invalid), transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.rita, version=world.report.version)
    with transaction():
        reviews.decide(
            world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil måned."
        )
    assert world.report.state == ReportState.REJECTED
    assert open_tasks() == ["assess", "fill_in"]
    with transaction():
        drafts.save(
            world.report,
            "machinery",
            machine_lines(world, electric="6000"),
            by=world.anna,
            version=world.report.version,
        )
    assert world.report.section("machinery").answer == Answer.FILLED


def test_nobody_reviews_what_they_prepared(world: World) -> None:
    """Anna also holds a reviewer's role with the buyer; the one choke point knows her hand in the figures."""
    with transaction():
        anna_at_buyer = accounts.add_membership(world.anna.person, world.rita.organisation, Role.REVIEWER)
    submit(world)
    with pytest.raises(Forbidden, match="helped to fill in"), transaction():
        reviews.decide(world.report, Decision.APPROVE, by=anna_at_buyer, version=world.report.version)
    with pytest.raises(Forbidden), transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.stranger, version=world.report.version)
    assert world.report.state == ReportState.SUBMITTED


def test_the_second_to_decide_is_told_who_was_first(world: World) -> None:
    submit(world)
    seen = world.report.version
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=seen)
    with pytest.raises(Conflict, match="Rita Prøve has approved"), transaction():
        reviews.decide(world.report, Decision.REJECT, by=world.ruth, version=seen, reasons="Nei.")
    assert [review.decision for review in db.session.scalars(select(Review))] == [Decision.APPROVE]


def test_two_who_save_the_same_draft_do_not_overwrite_each_other(world: World) -> None:
    seen = world.report.version
    with transaction():
        drafts.save(world.report, "machinery", machine_lines(world), by=world.anna, version=seen)
    with pytest.raises(Conflict), transaction():
        drafts.save(world.report, "machinery", machine_lines(world, electric="1"), by=world.bo, version=seen)
    amounts = {line.raw["amount"] for line in db.session.scalars(select(DraftLine))}
    assert amounts == {"5000", "1000"}


def test_wrong_values_are_kept_as_typed_and_stop_the_signature(world: World) -> None:
    lines = machine_lines(world)
    lines[0] = RawLine(lines[0].key, {**lines[0].raw, "hours": "1,234", "amount": "n/a"})
    with transaction():
        state = drafts.save(world.report, "machinery", lines, by=world.anna, version=world.report.version)
    assert {problem.rule for problem in state.problems} == {"number", "number_unclear"}
    stored = world.report.section("machinery").lines[0].raw
    assert (stored["hours"], stored["amount"]) == ("1,234", "n/a")
    with transaction():
        drafts.answer_nothing(world.report, "fuel", "Ingen leveranser.", by=world.anna, version=world.report.version)
    with pytest.raises(Invalid), transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    assert world.report.state == ReportState.DRAFT


def test_a_submitted_report_is_not_editable(world: World) -> None:
    submit(world)
    with pytest.raises(Refused), transaction():
        drafts.save(world.report, "machinery", machine_lines(world), by=world.anna, version=world.report.version)


def test_the_signatory_can_send_the_draft_back(world: World) -> None:
    fill_in(world)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    with pytest.raises(Forbidden), transaction():
        reports.sign(world.report, by=world.anna, version=world.report.version)
    with transaction():
        reports.withhold(world.report, "Mangler en maskin.", by=world.bo, version=world.report.version)
    assert (world.report.state, open_tasks()) == (ReportState.DRAFT, ["fill_in"])


def test_a_clean_report_needs_no_person_where_the_contract_says_so(world: World) -> None:
    with transaction():
        world.contract.unattended_review = True
    submit(world)
    assert world.report.state == ReportState.APPROVED
    review = world.report.latest.review if world.report.latest else None
    assert review is not None
    assert review.decided_by is None


def test_a_breach_always_meets_a_person(world: World) -> None:
    with transaction():
        world.contract.unattended_review = True
    submit(world, diesel="9000")
    assert (world.report.state, open_tasks()) == (ReportState.SUBMITTED, ["review"])


def test_reminders_go_out_once_and_a_late_review_is_told(world: World) -> None:
    clock.move_to(world.report.due_at.replace(hour=12))
    tick()
    tick()
    letters = list(db.session.scalars(select(OutgoingMail.to_address)))
    assert sorted(letters) == ["anna@prove.example", "bo@prove.example"]
    submit(world)
    assert world.report.review_due_at is not None
    clock.move_to(world.report.review_due_at.replace(year=2027))
    before = len(list(db.session.scalars(select(OutgoingMail.id))))
    tick()
    assert len(list(db.session.scalars(select(OutgoingMail.id)))) - before == 3  # two reviewers and the administrator


def test_nothing_is_left_behind_when_a_step_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that fails in mid-process takes revision, state, tasks and audit with it."""
    fill_in(world)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    process_version, events = processes.of(world.report).version, audit.trail([world.report], by=world.anna)

    def broken(*_arguments: object, **_named: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr("portal.operations.reports.revisions._figure_row", broken)
    with pytest.raises(OSError, match="disk"), transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)
    report = db.session.scalars(select(Report)).one()
    assert (report.state, report.revisions, open_tasks()) == (ReportState.TO_SIGN, [], ["sign"])
    assert (processes.of(report).version, len(audit.trail([report], by=world.anna))) == (process_version, len(events))


def test_a_late_report_says_by_how_many_days(world: World) -> None:
    clock.move_to(world.report.due_at.replace(hour=12, minute=0) + (IN_APRIL - IN_APRIL.replace(day=4)))
    submit(world)
    assert world.report.latest is not None
    assert world.report.latest.late_by_days == 3


def test_who_signs_does_not_review(world: World) -> None:
    with transaction():
        bo_at_buyer = accounts.add_membership(world.bo.person, world.rita.organisation, Role.REVIEWER)
    submit(world)
    with pytest.raises(Forbidden), transaction():
        reviews.decide(world.report, Decision.APPROVE, by=bo_at_buyer, version=world.report.version)


def test_a_part_that_was_not_commented_keeps_its_answer_under_correction(world: World) -> None:
    submit(world)
    row = world.report.revisions[0].lines_of("machinery")[0]
    return_for(world.report, world.rita, (Place("machinery", row.key, "amount"), "Stemmer tallet?"))
    with pytest.raises(Refused), transaction():
        drafts.save(world.report, "fuel", [], by=world.anna, version=world.report.version)
    assert world.report.section("fuel").answer == Answer.NOTHING


def test_a_correction_must_name_a_field_of_the_kind(world: World) -> None:
    submit(world)
    row = world.report.revisions[0].lines_of("machinery")[0]
    with pytest.raises(Invalid):
        return_for(world.report, world.rita, (Place("machinery", row.key, "nosuch"), "Hva?"))


def test_signing_twice_is_told_apart_from_a_collision(world: World) -> None:
    submit(world)
    with pytest.raises(Conflict) as refused, transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version - 1)
    assert refused.value.text == reports.ALREADY_SENT


def test_what_goes_on_inside_the_supplier_is_not_the_buyers_business(world: World) -> None:
    fill_in(world)
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version)
    with transaction():
        reports.withhold(world.report, "Ikke vis dette til kommunen.", by=world.bo, version=world.report.version)
    seen = {event.reason for event, _person in audit.trail([world.report], by=world.rita)}
    assert "Ikke vis dette til kommunen." not in seen
    own = {event.reason for event, _person in audit.trail([world.report], by=world.anna)}
    assert "Ikke vis dette til kommunen." in own


def test_the_portals_own_note_at_the_deadline_turns_nobody_away(world: World) -> None:
    seen = world.report.version
    clock.move_to(world.report.due_at.replace(year=2027))
    tick()
    assert world.report.overdue_at is not None
    with transaction():
        drafts.save(world.report, "machinery", machine_lines(world), by=world.anna, version=seen)


def test_a_correction_that_never_comes_breaks_the_duty_too(world: World) -> None:
    submit(world)
    with transaction():
        reviews.decide(
            world.report, Decision.REJECT, by=world.rita, version=world.report.version, reasons="Feil måned."
        )
    clock.move_to(world.report.due_at.replace(year=2027))
    tick()
    groups = set(db.session.scalars(select(Deviation.cause_group).where(Deviation.report_id == world.report.id)))
    assert groups == {"not_accepted-1", "correction"}
