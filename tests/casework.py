"""A case taken from step to step, as the people of the small world do it."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from portal import calendars, clock
from portal.extensions import db, transaction
from portal.model import Decision, Deviation, MailState, OutgoingMail, Reply, Representative, Sanction, Stance, Verdict
from portal.operations.cases import deviations, notices, replies, sanctions
from portal.operations.cases.letters import Claim
from portal.operations.cases.notices import Service
from portal.operations.cases.replies import PointReply, PointVerdict
from portal.operations.entry.evidence import Upload
from portal.operations.mail import Outcome
from portal.operations.reports import deliveries, reviews
from tests.world import World, case_of, deliver_mail, submit

ZONE = "Europe/Oslo"
FIRST_DAY = date(2026, 1, 1)
"""The first day of the contract."""
CHARGER = Upload("lader.txt", b"Levert uke 14.\n")


def found(world: World, *, diesel: str = "9000") -> Deviation:
    """9 000 l of diesel: 5000/(5000+90720) = 5.2 %, below the 20 % of clause 4.2."""
    submit(world, diesel=diesel)
    with transaction():
        reviews.decide(world.report, Decision.APPROVE, by=world.rita, version=world.report.version)
    deliver_mail()
    return case_of(world)


def notified(world: World, points: Sequence[str] | None = None) -> Deviation:
    """The notice is written; its letters wait in the outbox."""
    deviation = found(world)
    give_notice(world, deviation, points)
    return deviation


def give_notice(world: World, deviation: Deviation, points: Sequence[str] | None = None) -> None:
    """Adam gives notice with five working days to reply."""
    with transaction():
        notices.give_notice(
            deviation,
            "Varsel om brudd på punkt 4.2.",
            5,
            points=None if points is None else [Claim(point) for point in points],
            by=world.adam,
            version=deviation.version,
        )


def served(how: str, *uploads: Upload, to: str = "Bo Prøve, daglig leder", on: date | None = None) -> Service:
    """The notice was handed over otherwise than by mail: today, unless another day is named."""
    return Service(to, on or clock.today(ZONE), how, uploads)


def end_of(day: date) -> datetime:
    """The end of a day where the contract is."""
    return calendars.end_of_day(day, ZONE)


def name_representative(world: World, email: str = "egil@prove.example", from_on: date = FIRST_DAY) -> None:
    """The contract names somebody to speak for the supplier."""
    with transaction() as session:
        session.add(
            Representative(
                **world.contract.parties,
                organisation_id=world.contract.supplier_id,
                name="Egil Ekstern",
                email=email,
                language="en",
                from_on=from_on,
            )
        )
    db.session.expire_all()


def arrive(address: str, state: MailState = MailState.SENT) -> None:
    """The letters to one address are taken by its mail server, or refused."""
    with transaction():
        rows = select(OutgoingMail).where(OutgoingMail.to_address == address, OutgoingMail.state == MailState.QUEUED)
        for row in db.session.scalars(rows):
            deliveries.note(row, Outcome(state, "no such user" if state == MailState.FAILED else ""))


def delivered(world: World, points: Sequence[str] | None = None) -> Deviation:
    """The letters have arrived, and the time to reply runs."""
    deviation = notified(world, points)
    deliver_mail()
    return deviation


def answer(deviation: Deviation) -> list[PointReply]:
    """Each point is disputed."""
    return [PointReply(point, Stance.DISAGREES, "Laderen kom sent.") for point in deviation.points]


def reply(world: World, deviation: Deviation, *, is_complete: bool = True) -> Reply:
    """Bo answers every point, with a file."""
    with transaction():
        return replies.reply(
            deviation, "Se vedlegg.", [CHARGER], answers=answer(deviation), is_complete=is_complete, by=world.bo
        )


def replied(world: World, points: Sequence[str] | None = None) -> Deviation:
    """The supplier has been heard, and says that nothing more is to come."""
    deviation = delivered(world, points)
    reply(world, deviation)
    return deviation


def weigh(world: World, deviation: Deviation, verdict: Verdict = Verdict.UPHELD) -> None:
    """Adam holds the same of every point."""
    with transaction():
        replies.weigh(
            deviation,
            [PointVerdict(point, verdict, "Bestillingen kom for sent.") for point in deviation.points],
            by=world.adam,
            version=deviation.version,
        )


def weighed(world: World) -> Deviation:
    """Everything is read and weighed: the case can be closed, or a sanction proposed."""
    deviation = replied(world)
    weigh(world, deviation)
    return deviation


def proposed(world: World) -> Sanction:
    """Adam proposes a sanction."""
    deviation = weighed(world)
    with transaction():
        return sanctions.propose(deviation, "Forsinkelsen er leverandørens.", by=world.adam, version=deviation.version)


def close(world: World, deviation: Deviation, reason: str = "Forholdet er rettet.") -> None:
    """Adam settles the case without a sanction."""
    with transaction():
        deviations.close(deviation, reason, by=world.adam, version=deviation.version)
