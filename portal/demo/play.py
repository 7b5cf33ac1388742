"""Plays the demo's months through the portal's own operations, from six months ago up to this moment."""

import secrets
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import select

from portal import calendars, clock
from portal.demo import time, world
from portal.demo.world import Job, Plant
from portal.errors import Refused
from portal.extensions import db, transaction
from portal.model import (
    CommentCategory,
    Contract,
    Decision,
    Deviation,
    Installation,
    Machine,
    Membership,
    Organisation,
    Report,
    ReportingPeriod,
    SanctionClause,
    Stance,
    Verdict,
)
from portal.operations import (
    accounts,
    comments,
    contracts,
    deviations,
    drafts,
    machines,
    notices,
    replies,
    reports,
    reviews,
    sanctions,
)
from portal.operations.comments import Place
from portal.operations.contracts import Rate
from portal.operations.drafts import RawLine
from portal.operations.evidence import Upload
from portal.operations.explanations import Subject
from portal.operations.machines import MachineFacts
from portal.operations.replies import PointReply, PointVerdict
from portal.text import Text

ZONE = "Europe/Oslo"
NOT_EMPTY = Text(
    "Databasen er ikke tom. Demoen lages bare i en tom database.",
    "The database is not empty. The demo is only made in an empty one.",
)
MACHINERY, TRANSPORT, METERS, DELIVERIES = "machinery", "transport", "energy", "fuel"


class Event(NamedTuple):
    """Something somebody does at a moment."""

    at: datetime
    words: str
    do: Callable[[], None]


def sign_ins() -> list[str]:
    """Who can sign in, one line each, for the terminal."""
    lines = [f"{persona.email}  {persona.name}, {', '.join(persona.roles)}" for persona in world.PEOPLE]
    return [f"Everybody's password is {world.PASSWORD}", *lines]


def load() -> Iterator[tuple[int, int, str]]:
    """Make the demo. Yields (step, of how many, words) as it goes. Raises Refused when the database is not empty."""
    now = clock.now()
    with transaction():
        if db.session.scalar(select(Organisation.id).limit(1)) is not None:
            raise Refused(NOT_EMPTY)
        db.session.add(Installation(id=1, is_demo=True, created_at=now))
    months = [*calendars.months_back(clock.today(ZONE), world.MONTHS), calendars.month_of(clock.today(ZONE))]
    first_day = months[0].starts_on
    with clock.at(_at(first_day, -1, 8)), transaction():
        _people()
        _contracts(first_day)
    events = sorted((event for event in _events(months, now) if event.at < now), key=lambda event: event.at)
    for number, event in enumerate(events, start=1):
        time.pass_until(event.at)
        with clock.at(event.at), transaction():
            event.do()
        yield number, len(events), f"{event.at:%d.%m.%Y}: {event.words}"
    time.pass_until(now)


# -- who and what -------------------------------------------------------------------------------------------------


def _people() -> None:
    firms = {firm.key: accounts.add_organisation(firm.number, firm.name, firm.kind) for firm in world.FIRMS}
    for persona in world.PEOPLE:
        person = accounts.add_person(persona.email, persona.name, password=world.PASSWORD)
        accounts.add_membership(person, firms[persona.firm], *persona.roles)


def _contracts(first_day: date) -> None:
    for plant in world.PLANTS:
        machines.register(
            MachineFacts(
                plant.name,
                plant.type,
                plant.carrier,
                plant.stage,
                model=plant.model,
                serial=secrets.token_hex(4).upper(),
                size=plant.size,
                engine_year=plant.year,
            ),
            by=_member_of(plant.owner),
        )
    for job in world.JOBS:
        contract = contracts.add(_contract(job, first_day), list(job.duties), [job.site])
        wording = "Gebyr per brudd på klima- og miljøkrav, etter varsel og frist for tilsvar."
        contracts.add_clause(
            contract,
            SanctionClause(clause="7.1", wording=wording, counts=job.counts, warns_first=job.warns_first),
            Rate(first_day, job.fee),
        )
        for name in job.machines:
            machine = db.session.scalars(select(Machine).where(Machine.name == name)).one()
            machines.deploy(machine, contract, _arrival(job, name, first_day), None, by=_member_of(job.supplier))


def _contract(job: Job, first_day: date) -> Contract:
    return Contract(
        buyer=_firm(job.buyer),
        supplier=_firm(job.supplier),
        buyer_id=_firm(job.buyer).id,
        supplier_id=_firm(job.supplier).id,
        reference=job.reference,
        title=job.title,
        starts_on=first_day,
        ends_on=first_day + timedelta(days=720),
        kinds=list(job.kinds),
        counted={"": "use"},
        basis=job.basis,
        reporting_clause="5.1",
        unattended_review=job.unattended,
    )


def _arrival(job: Job, machine: str, first_day: date) -> date:
    """In the story of the breach two old machines arrive half-way, and break the requirement from then on."""
    late = job.story == "breach" and _plant(machine).stage == "IIIA"
    return calendars.months_between(first_day, first_day + timedelta(days=150))[3].starts_on if late else first_day


# -- what happens -------------------------------------------------------------------------------------------------


def _events(months: list[calendars.Period], now: datetime) -> Iterator[Event]:
    for job in world.JOBS:
        for index, month in enumerate(months):
            yield Event(_at(month.starts_on, 0, 7), f"{job.reference} opens", partial(_open, job, month))
            if index < world.MONTHS:
                yield from _month(job, month, world.MONTHS - index, now)
            elif job.story == "returned":
                yield Event(_at(month.starts_on, 2, 9), f"{job.reference} is begun", partial(_begin, job, month))


def _month(job: Job, month: calendars.Period, age: int, now: datetime) -> Iterator[Event]:
    """What happens with the report of one month; `age` 1 is the month before the current one."""
    if job.story == "missing" and age == 1:
        return
    late = job.story == "missing" and age == 3  # noqa: PLR2004 - the month the story tells of
    filed_at = min(_at(month.ends_on, 25 if late else 4, 10), now - timedelta(hours=3))
    clean = job.story != "breach" or age > 3  # noqa: PLR2004 - the old machines arrived then
    yield Event(filed_at, f"{job.reference} is filed", lambda: _file(job, month, clean=clean))
    if job.story == "unattended" or (age == 1 and job.story in {"breach", "smooth"}):
        return
    reviewed_at = (
        max(filed_at + timedelta(hours=1), now - timedelta(days=2)) if age == 1 else filed_at + timedelta(days=2)
    )
    if job.story == "returned" and age in {1, 4}:
        yield Event(reviewed_at, f"{job.reference} is returned", lambda: _return(job, month))
        if age == 1:
            return
        yield Event(
            reviewed_at + timedelta(days=1), f"{job.reference} is filed again", lambda: _file(job, month, clean=True)
        )
        reviewed_at += timedelta(days=2)
    yield Event(reviewed_at, f"{job.reference} is approved", lambda: _approve(job, month))
    if job.story == "breach" and age in {2, 3}:
        settled = age == 3  # noqa: PLR2004
        yield from _case(job, month, reviewed_at if settled else now - timedelta(days=4), settled=settled)


def _case(job: Job, month: calendars.Period, found_at: datetime, *, settled: bool) -> Iterator[Event]:
    yield Event(found_at + timedelta(days=1), f"{job.reference}: notice", lambda: _notify(job, month))
    if not settled:
        return
    yield Event(found_at + timedelta(days=5), f"{job.reference}: reply", lambda: _reply(job, month))
    yield Event(found_at + timedelta(days=7), f"{job.reference}: sanction proposed", lambda: _propose(job, month))
    yield Event(found_at + timedelta(days=9), f"{job.reference}: sanction decided", lambda: _decide(job, month))


def _open(job: Job, month: calendars.Period) -> None:
    contracts.open_period(_of(job), month)


def _begin(job: Job, month: calendars.Period) -> None:
    report = _report(job, month)
    first, *rest = _rows(report)
    lines = [RawLine(first.key, {**first.raw, "hours": "24"}), *(RawLine(row.key, row.raw) for row in rest)]
    drafts.save(report, MACHINERY, lines, by=_member_of(job.supplier), version=report.version)


def _file(job: Job, month: calendars.Period, *, clean: bool) -> None:
    report = _report(job, month)
    reporter, signatory = _supplier_side(job)
    rows = _rows(report)
    if report.state != "returned":
        lines = [
            RawLine(row.key, {**row.raw, **_use(row.raw["machine"], month, boost=job.story == "breach" and clean)})
            for row in rows
        ]
        drafts.save(report, MACHINERY, lines, by=reporter, version=report.version)
        drafts.save(report, DELIVERIES, [_delivery(job, month, rows)], by=reporter, version=report.version)
        if TRANSPORT in job.kinds:
            drafts.save(report, TRANSPORT, _trips(report, month), by=reporter, version=report.version)
        if METERS in job.kinds:
            drafts.save(report, METERS, [_meter(job, month)], by=reporter, version=report.version)
    else:
        opened = [RawLine(row.key, _corrected(row)) for row in rows]
        drafts.save(report, MACHINERY, opened, by=reporter, version=report.version)
    if reporter.id != signatory.id:
        reports.make_ready(report, by=reporter, version=report.version, reasons=_reasons(report))
    reports.sign(report, by=signatory, version=report.version, reasons=_reasons(report))


def _reasons(report: Report) -> dict[Subject, str]:
    warned = reports.warnings(report, reports.summary(report))
    return {each.subject: "Vi har kontrollert tallet mot avlesningen, og det stemmer." for each in warned}


def _use(machine: str, month: calendars.Period, *, boost: bool) -> dict[str, str]:
    plant = next(plant for plant in world.PLANTS if plant.name == _machine_name(machine))
    amount = _in_season(plant.amount, month) * (5 if boost and plant.carrier == "electricity" else 1)
    return {
        "hours": str(_in_season(plant.hours, month)),
        "amount": str(amount),
        "amount_source": "metered" if plant.carrier == "electricity" else "invoice",
    }


def _in_season(usual: int, month: calendars.Period) -> int:
    """A little more or less than usual, each month its own."""
    return usual * (90 + (month.starts_on.month * 7) % 25) // 100


def _trips(report: Report, month: calendars.Period) -> list[RawLine]:
    lines = []
    for row in drafts.rows_of(report, contracts.kind_of(report, TRANSPORT)):
        plant = _plant(_machine_name(row.raw["vehicle"]))
        electric = plant.carrier == "electricity"
        trip = {
            "purpose": "materials" if electric else "masses",
            "fence": "inside",
            "distance": str(_in_season(plant.hours, month)),
            "load": "8" if electric else "14",
            "amount": str(_in_season(plant.amount, month)),
            "amount_source": "telematics" if electric else "invoice",
            "filled": "elsewhere",
        }
        lines.append(RawLine(row.key, {**row.raw, **trip}))
    return lines


def _meter(job: Job, month: calendars.Period) -> RawLine:
    raw = {"meter": f"Brakkerigg {job.reference[-3:]}", "purpose": "huts", "carrier": "electricity"}
    return RawLine(uuid4(), {**raw, "amount": str(_in_season(4200, month)), "amount_source": "metered"})


def _corrected(row: drafts.DraftRow) -> dict[str, str]:
    """What was reopened, put right: hours and amounts a tenth lower."""
    opened = {column: row.raw[column] for column in row.open_columns if column in row.raw}
    return {column: str(int(value) * 9 // 10) if value.isdigit() else value for column, value in opened.items()}


def _delivery(job: Job, month: calendars.Period, rows: list[drafts.DraftRow]) -> RawLine:
    plants = [_plant(_machine_name(row.raw["machine"])) for row in rows]
    litres = sum(_in_season(plant.amount, month) for plant in plants if plant.carrier == "diesel")
    return RawLine(
        uuid4(),
        {
            "entry": "delivery",
            "product": "diesel",
            "amount": str(litres),
            "amount_source": "invoice",
            "supplier": "Prøvedrivstoff AS",
            "invoice": f"F-{month.starts_on:%y%m}-{job.reference[-3:]}",
            "delivered_on": f"{month.starts_on + timedelta(days=9):%d.%m.%Y}",
        },
    )


def _return(job: Job, month: calendars.Period) -> None:
    report = _report(job, month)
    revision, by = report.revisions[-1], _buyer_side(job)[0]
    first, second = revision.lines_of(MACHINERY)[:2]
    for place, words in (
        (Place(MACHINERY, first.key, "amount"), "Avlesningen stemmer ikke med måleren. Kontroller tallet."),
        (Place(MACHINERY, second.key, "hours"), "Maskinen sto stille i to uker. Kan timene være riktige?"),
    ):
        comments.add(report, place, CommentCategory.MUST, words, by=by, revision=revision.number)
    reviews.decide(report, Decision.RETURN, by=by, version=report.version)


def _approve(job: Job, month: calendars.Period) -> None:
    report = _report(job, month)
    reviews.decide(report, Decision.APPROVE, by=_buyer_side(job)[0], version=report.version)


def _notify(job: Job, month: calendars.Period) -> None:
    for deviation in _cases(job, month):
        found = Text.load(deviation.sentence).nb
        text = f"Vi varsler brudd på punkt {deviation.clause}. {found} Bruddet kan føre til gebyr etter punkt 7.1."
        notices.give_notice(deviation, text, 10, by=_buyer_side(job)[1], version=deviation.version)


def _reply(job: Job, month: calendars.Period) -> None:
    note = Upload("redegjorelse.txt", b"De to elektriske maskinene ble forsinket fra utleier.\n")
    for deviation in _cases(job, month):
        said = "De elektriske maskinene kom seks uker for sent."
        answers = [PointReply(point, Stance.PARTLY, said) for point in deviation.points]
        replies.reply(deviation, "Se vedlegg.", [note], answers=answers, is_complete=True, by=_supplier_side(job)[1])


def _propose(job: Job, month: calendars.Period) -> None:
    first, *rest = _cases(job, month)
    administrator = _buyer_side(job)[1]
    reasons = "Leverandøren bestilte maskinene etter at kontrakten startet. Forsinkelsen er leverandørens risiko."
    for deviation in (first, *rest):
        verdicts = [PointVerdict(point, Verdict.UPHELD, reasons) for point in deviation.points]
        replies.weigh(deviation, verdicts, by=administrator, version=deviation.version)
    sanctions.propose(first, reasons, by=administrator, version=first.version)
    for deviation in rest:
        deviations.close(
            deviation,
            "Følger av samme forhold, og er regnet med i sanksjonen.",
            by=administrator,
            version=deviation.version,
        )


def _decide(job: Job, month: calendars.Period) -> None:
    decider = _membership_with(job.buyer, "decision_maker")
    for deviation in _cases(job, month):
        if deviation.sanction is not None:
            sanctions.decide(
                deviation.sanction, approve=True, comment="Enig.", by=decider, version=deviation.sanction.version
            )


# -- finding ------------------------------------------------------------------------------------------------------


def _at(day: date, days: int, hour: int) -> datetime:
    return calendars.start_of_day(day + timedelta(days=days), ZONE) + timedelta(hours=hour)


def _firm(key: str) -> Organisation:
    number = next(firm.number for firm in world.FIRMS if firm.key == key)
    return db.session.scalars(select(Organisation).where(Organisation.number == number)).one()


def _membership_with(firm: str, role: str) -> Membership:
    rows = db.session.scalars(
        select(Membership).where(Membership.organisation_id == _firm(firm).id).order_by(Membership.id)
    )
    return next(row for row in rows if role in row.role_codes)


def _member_of(firm: str) -> Membership:
    return _membership_with(firm, "reporter")


def _supplier_side(job: Job) -> tuple[Membership, Membership]:
    return _membership_with(job.supplier, "reporter"), _membership_with(job.supplier, "signatory")


def _buyer_side(job: Job) -> tuple[Membership, Membership]:
    return _membership_with(job.buyer, "reviewer"), _membership_with(job.buyer, "administrator")


def _plant(name: str) -> Plant:
    return next(plant for plant in world.PLANTS if plant.name == name)


def _machine_name(public_id: str) -> str:
    return next(machine.name for machine in db.session.scalars(select(Machine)) if str(machine.public_id) == public_id)


def _of(job: Job) -> Contract:
    return db.session.scalars(select(Contract).where(Contract.reference == job.reference)).one()


def _report(job: Job, month: calendars.Period) -> Report:
    return db.session.scalars(
        select(Report)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Report.contract_id == _of(job).id, ReportingPeriod.starts_on == month.starts_on)
    ).one()


def _rows(report: Report) -> list[drafts.DraftRow]:
    return drafts.rows_of(report, contracts.kind_of(report, MACHINERY))


def _cases(job: Job, month: calendars.Period) -> list[Deviation]:
    report = _report(job, month)
    return list(db.session.scalars(select(Deviation).where(Deviation.report_id == report.id).order_by(Deviation.id)))
