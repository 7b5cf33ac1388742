"""What the people of the demo do, each act through the operation that a page would call."""

from datetime import timedelta
from uuid import uuid4

from flask_babel import force_locale

from portal import calendars
from portal.calendars import Period
from portal.demo import finding
from portal.demo.finding import buyer_side, supplier_side
from portal.demo.plants import Plant
from portal.demo.world import Job
from portal.model import Cause, CommentCategory, Decision, Deviation, Stance, Verdict
from portal.operations.cases import deviations, letters, notices, replies, sanctions
from portal.operations.cases.replies import PointReply, PointVerdict
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.entry.evidence import Upload
from portal.operations.entry.explanations import Subject
from portal.operations.reports import comments, extensions, reports, reviews
from portal.operations.reports.comments import Place

MACHINERY, TRANSPORT, METERS, DELIVERIES = "machinery", "transport", "energy", "fuel"
MUCH_MORE = 2
"""How many times the usual amount electric machines take in the good months of the story of the breach."""


# -- the supplier ------------------------------------------------------------------------------------------------------


def begin(job: Job, period: Period) -> None:
    """Fill in the first half of the machines, and leave it there."""
    report = finding.report(job, period)
    rows = finding.rows(report, MACHINERY)
    half = len(rows) // 2
    lines = [RawLine(row.key, {**row.raw, **_use(finding.plant_of(row.raw["machine"]), period)}) for row in rows[:half]]
    lines += [RawLine(row.key, row.raw) for row in rows[half:]]
    drafts.save(report, MACHINERY, lines, by=supplier_side(job)[0], version=report.version)


def file(job: Job, period: Period, *, boost: bool = False) -> None:
    """Fill in every part, and send: the reporter makes it ready, the signatory signs."""
    fill_in(job, period, boost=boost)
    sign(job, period)


def fill_in(job: Job, period: Period, *, boost: bool = False) -> None:
    """Fill in every part."""
    report, (reporter, _signatory) = finding.report(job, period), supplier_side(job)
    plants = []
    lines = []
    for row in finding.rows(report, MACHINERY):
        plant = finding.plant_of(row.raw["machine"])
        plants.append(plant)
        lines.append(RawLine(row.key, {**row.raw, **_use(plant, period, boost=boost)}))
    drafts.save(report, MACHINERY, lines, by=reporter, version=report.version)
    drafts.save(report, DELIVERIES, [_delivery(job, period, plants)], by=reporter, version=report.version)
    if TRANSPORT in job.kinds:
        trips = [
            RawLine(row.key, {**row.raw, **_trip(finding.plant_of(row.raw["vehicle"]), period)})
            for row in finding.rows(report, TRANSPORT)
        ]
        drafts.save(report, TRANSPORT, trips, by=reporter, version=report.version)
    if METERS in job.kinds:
        drafts.save(report, METERS, [_meter(job, period)], by=reporter, version=report.version)


def correct(job: Job, period: Period) -> None:
    """Put right what was reopened: a tenth less, as the meter said."""
    report, (reporter, signatory) = finding.report(job, period), supplier_side(job)
    opened = [RawLine(row.key, _corrected(row)) for row in finding.rows(report, MACHINERY)]
    drafts.save(report, MACHINERY, opened, by=reporter, version=report.version)
    if reporter.id != signatory.id:
        reports.make_ready(report, by=reporter, version=report.version, reasons=_reasons(job, period))


def sign(job: Job, period: Period) -> None:
    """Make ready what is not, and sign."""
    report, (reporter, signatory) = finding.report(job, period), supplier_side(job)
    if reporter.id != signatory.id and report.state != "to_sign":
        reports.make_ready(report, by=reporter, version=report.version, reasons=_reasons(job, period))
    reports.sign(report, by=signatory, version=report.version, reasons=_reasons(job, period))


def ask_for_time(job: Job, period: Period, days: int) -> None:
    """Ask for more days with a report."""
    report = finding.report(job, period)
    due_on = finding.local_day(report.due_at)
    reason = "Utleier av tårnkranen leverer måleravlesningen først neste uke."
    extensions.ask(report, due_on + timedelta(days=days), reason, by=supplier_side(job)[0])


def reply(job: Job, period: Period) -> None:
    """Answer each point of each notice, with a file, and declare it complete."""
    note = Upload("redegjorelse.txt", b"Maskinene ble forsinket fra utleier. Ny leveringsdato er avtalt.\n")
    for deviation in finding.cases(job, period):
        answers = [PointReply(point, Stance.PARTLY, _ANSWER[deviation.cause]) for point in deviation.points]
        signatory = supplier_side(job)[1]
        notices.note_opened(deviation, by=signatory)
        text = "Vi ber om at dette ses i sammenheng med forsinkelsen hos utleier. Se vedlegg."
        replies.reply(deviation, text, [note], answers=answers, is_complete=True, by=signatory)


_LATE = "Rapporten ble forsinket fordi vi ventet på tall fra en underleverandør. Den er levert nå."
_ANSWER = {
    Cause.REPORT_LATE: _LATE,
    Cause.REPORT_MISSING: _LATE,
    Cause.NOT_ACCEPTED: _LATE,
    Cause.REQUIREMENT_BROKEN: "Vi bestilte utslippsfrie maskiner i tide, men de kom seks uker for sent fra utleier.",
}


# -- the buyer ---------------------------------------------------------------------------------------------------------


def return_(job: Job, period: Period) -> None:
    """Return a report for two values."""
    report, by = finding.report(job, period), buyer_side(job)[0]
    revision = report.revisions[-1]
    first, second = revision.lines_of(MACHINERY)[:2]
    for place, words in (
        (Place(MACHINERY, first.key, "amount"), "Avlesningen stemmer ikke med måleren. Kontroller tallet."),
        (Place(MACHINERY, second.key, "hours"), "Maskinen sto stille i to uker. Kan timene være riktige?"),
    ):
        comments.add(report, place, CommentCategory.MUST, words, by=by, revision=revision.number)
    reviews.decide(report, Decision.RETURN, by=by, version=report.version)


def approve(job: Job, period: Period) -> None:
    """Approve a report."""
    report = finding.report(job, period)
    reviews.decide(report, Decision.APPROVE, by=buyer_side(job)[0], version=report.version)


def notify(job: Job, period: Period) -> None:
    """Give notice of each breach of a period, in the words that the portal proposes."""
    for deviation in finding.cases(job, period):
        with force_locale("nb"):
            text = letters.notice_draft(deviation)
        notices.give_notice(deviation, text, 10, by=buyer_side(job)[1], version=deviation.version)


def propose(job: Job, period: Period) -> None:
    """Weigh every point; propose a sanction for the last case of the period, close the others."""
    by = buyer_side(job)[1]
    *others, chosen = finding.cases(job, period)
    for deviation in (*others, chosen):
        _weigh(deviation, job)
    for deviation in others:
        deviations.close(
            deviation, "Følger av samme forhold, og er regnet med i sanksjonen.", by=by, version=deviation.version
        )
    reasons = "Leverandøren bestilte etter at kontrakten startet. Forsinkelsen er leverandørens risiko."
    sanctions.propose(chosen, reasons, by=by, version=chosen.version)


def _weigh(deviation: Deviation, job: Job) -> None:
    reasons = "Forsinkelsen er leverandørens risiko etter kontrakten. Punktet står fast."
    verdicts = [PointVerdict(point, Verdict.UPHELD, reasons) for point in deviation.points]
    replies.weigh(deviation, verdicts, by=buyer_side(job)[1], version=deviation.version)


def decide(job: Job, period: Period) -> None:
    """Approve the sanction that was proposed."""
    for deviation in finding.cases(job, period):
        if deviation.sanction is not None:
            sanctions.decide(
                deviation.sanction,
                approve=True,
                comment="Enig.",
                by=finding.decider(job),
                version=deviation.sanction.version,
            )


# -- what they write ---------------------------------------------------------------------------------------------------


def _reasons(job: Job, period: Period) -> dict[Subject, str]:
    report = finding.report(job, period)
    warned = reports.warnings(report, reports.summary(report))
    return {each.subject: "Vi har kontrollert tallet mot avlesningen, og det stemmer." for each in warned}


def _use(plant: Plant, period: Period, *, boost: bool = False) -> dict[str, str]:
    return {
        "hours": str(_in_season(plant.hours, period)),
        "amount": str(_in_season(plant.amount, period) * (MUCH_MORE if boost and plant.is_electric else 1)),
        "amount_source": "metered" if plant.is_electric else "invoice",
    }


def _in_season(usual: int, period: Period) -> int:
    """A little more or less than usual, each month its own; for a quarter three times as much."""
    first, last = period
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return usual * months * (90 + (first.month * 7) % 25) // 100


def _trip(plant: Plant, period: Period) -> dict[str, str]:
    return {
        "purpose": "materials" if plant.is_electric else "masses",
        "fence": "inside",
        "distance": str(_in_season(plant.hours, period)),
        "load": "8" if plant.is_electric else "14",
        "amount": str(_in_season(plant.amount, period)),
        "amount_source": "telematics" if plant.is_electric else "invoice",
        "filled": "elsewhere",
    }


def _meter(job: Job, period: Period) -> RawLine:
    raw = {"meter": f"Brakkerigg {job.reference[-3:]}", "purpose": "huts", "carrier": "electricity"}
    return RawLine(uuid4(), {**raw, "amount": str(_in_season(4200, period)), "amount_source": "metered"})


def _delivery(job: Job, period: Period, plants: list[Plant]) -> RawLine:
    litres = sum(_in_season(plant.amount, period) for plant in plants if plant.carrier == "diesel")
    return RawLine(
        uuid4(),
        {
            "entry": "delivery",
            "product": "diesel",
            "amount": str(litres),
            "amount_source": "invoice",
            "supplier": "Prøvedrivstoff AS",
            "invoice": f"F-{period.starts_on:%y%m}-{job.reference[-3:]}",
            "delivered_on": calendars.as_typed(min(period.starts_on + timedelta(days=9), period.ends_on)),
        },
    )


def _corrected(row: drafts.DraftRow) -> dict[str, str]:
    opened = {column: row.raw[column] for column in row.open_columns if column in row.raw}
    return {column: str(int(value) * 9 // 10) if value.isdigit() else value for column, value in opened.items()}
