"""What tests of reviews do over and over: send a report again, deliver fuel, write a comment."""

from uuid import UUID, uuid4

from portal.extensions import transaction
from portal.model import Comment, CommentCategory, Decision, Membership, Report
from portal.operations import comments, reports, reviews
from portal.operations.comments import Place
from portal.operations.drafts import RawLine
from tests.world import World, reasons_for


def send_again(world: World) -> None:
    """Made ready by Anna, signed by Bo."""
    with transaction():
        reports.make_ready(world.report, by=world.anna, version=world.report.version, reasons=reasons_for(world.report))
    with transaction():
        reports.sign(world.report, by=world.bo, version=world.report.version)


def delivery(amount: str = "500", key: UUID | None = None, day: str = "12.03.2026") -> RawLine:
    """Diesel that the tanker brought."""
    return RawLine(
        key or uuid4(),
        {
            "entry": "delivery",
            "product": "diesel",
            "amount": amount,
            "amount_source": "invoice",
            "supplier": "Tankbilen AS",
            "invoice": "F-1",
            "delivered_on": day,
        },
    )


def return_for(report: Report, by: Membership, *musts: tuple[Place, str]) -> None:
    """Point out what must be corrected, and return the report."""
    revision = report.latest
    assert revision is not None
    with transaction():
        for place, text in musts:
            comments.add(report, place, CommentCategory.MUST, text, by=by, revision=revision.number)
        reviews.decide(report, Decision.RETURN, by=by, version=report.version)


def asked(world: World, report: Report, place: Place, text: str = "Stemmer dette?") -> Comment:
    """Rita's question on a place of the newest revision."""
    revision = report.latest
    assert revision is not None
    with transaction():
        return comments.add(report, place, CommentCategory.QUESTION, text, by=world.rita, revision=revision.number)
