"""Who may decide, in one function: nobody on what they prepared, and nobody with an interest of their own."""

from typing import Any, Protocol

from sqlalchemy import BigInteger, ColumnElement, String, and_, cast, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from portal import permissions
from portal.errors import Forbidden
from portal.extensions import db
from portal.model import (
    ClauseForm,
    Contract,
    Deviation,
    Interest,
    Membership,
    Notice,
    Person,
    Point,
    Report,
    Sanction,
    Weighing,
)
from portal.permissions import Permission
from portal.text import Text

_MAY_COUNT_DAYS = ("", str(ClauseForm.DAILY))
"""Steps of a sanction whose amount may go by the last day of the breach; empty: it is not calculated yet."""

PREPARED_IT = Text(
    "Du har selv vært med på å fylle ut denne rapporten. En annen må kontrollere den.",
    "You helped to fill in this report yourself. Somebody else must review it.",
)
PROPOSED_IT = Text(
    "Du har selv foreslått denne sanksjonen. En annen må avgjøre den.",
    "You proposed this sanction yourself. Somebody else must decide it.",
)
GAVE_NOTICE = Text(
    "Du har selv sendt varselet i denne saken. En annen må avgjøre sanksjonen.",
    "You sent the notice in this case yourself. Somebody else must decide the sanction.",
)
WEIGHED_IT = Text(
    "Du har selv vurdert punktene i denne saken. En annen må avgjøre sanksjonen.",
    "You weighed the points of this case yourself. Somebody else must decide the sanction.",
)
NOTED_THE_DAY = Text(
    "Du har selv notert siste dag med brudd i denne saken. En annen må avgjøre sanksjonen.",
    "You noted the last day of the breach in this case yourself. Somebody else must decide the sanction.",
)
IS_WITH_SUPPLIER = Text(
    "Du er selv med hos leverandøren. En annen må gjøre dette.",
    "You are with the supplier yourself. Somebody else must do this.",
)
HAS_INTEREST = Text(
    "Du har meldt at du ikke er habil her. En annen må gjøre dette.",
    "You have declared an interest here. Somebody else must do this.",
)
NOT_YOUR_CONTRACT = Text("Kontrakten er ikke din oppdragsgivers.", "The contract is not your organisation's.")


class OfParties(Protocol):
    """A contract, or a row below one."""

    @property
    def parties(self) -> dict[str, int]:
        """Numbers of the contract and its two parties."""


def may_decide(by: Membership, permission: Permission, about: OfParties, *, involved: dict[int, Text]) -> None:
    """The one choke point for decisions. Refuses with words; returns when this person may decide.

    Args:
        by: who wants to decide.
        permission: what the decision asks for.
        about: what it is about; the decision is its buyer's, by nobody who has an interest there.
        involved: persons who had a hand in the matter, and what to tell each of them.
    """
    permissions.demand(by, permission)
    parties = about.parties
    if by.organisation_id != parties["buyer_id"]:
        raise Forbidden(NOT_YOUR_CONTRACT)
    if by.person_id in involved:
        raise Forbidden(involved[by.person_id])
    if db.session.scalar(select(_is_with(by.person_id, parties["supplier_id"]))):
        raise Forbidden(IS_WITH_SUPPLIER)
    if db.session.scalar(select(has_interest(by.person_id, parties["supplier_id"], parties["contract_id"]))):
        raise Forbidden(HAS_INTEREST)


def has_interest(person_id: Any, supplier_id: Any, contract_id: Any) -> ColumnElement[bool]:
    """Whether a person has declared an interest that holds now, or is with the supplier themselves.

    Each of the three is a number or a column.
    """
    is_declared = exists().where(
        Interest.person_id == person_id,
        Interest.supplier_id == supplier_id,
        or_(Interest.contract_id.is_(None), Interest.contract_id == contract_id),
        Interest.ended_at.is_(None),
    )
    return or_(is_declared, _is_with(person_id, supplier_id))


def _is_with(person_id: Any, organisation_id: Any) -> ColumnElement[bool]:
    theirs = aliased(Membership)  # whoever asks may have joined memberships of their own
    return exists().where(
        theirs.person_id == person_id, theirs.organisation_id == organisation_id, theirs.ended_at.is_(None)
    )


def interested_in(contract_id: int, *, at: int) -> set[int]:
    """Numbers of the persons who have an interest in a contract now that bars them from acting there for `at`.

    At the buyer; for the supplier they act in their own matter, whatever they are.
    """
    held = and_(has_interest(Person.id, Contract.supplier_id, Contract.id), Contract.supplier_id != at)
    return set(db.session.scalars(select(Person.id).join(Contract, Contract.id == contract_id).where(held)))


def may_review(by: Membership, report: Report) -> None:
    """Whether this person may decide on the report's latest revision."""
    may_decide(
        by,
        Permission.REPORT_REVIEW,
        report,
        involved=dict.fromkeys(report.preparers, PREPARED_IT),
    )


def prepared(deviation: Deviation, step: str | None = None) -> dict[int, Text]:
    """Who prepared the sanction in a case, or would have, and therefore does not decide it.

    Who gave notice, who weighed a point, who proposed, and who noted the day that ends the breach where a daily amount
    is counted to it: by itself that day sets the amount. Of a day noted before the person's number was kept only the
    name is known, which bars nobody. Persons by number, and what to tell each of them. `was_prepared_by` asks the same
    of the database.

    `step`: what a sanction that is yet to be proposed comes to; without it, the step of the one there is.
    """
    if step is None:
        step = deviation.sanction.step if deviation.sanction else ""
    noted = deviation.put_right.get("person", {}).get("by_id") if _counts_to_the_noted_day(deviation, step) else None
    weighed = [weighing.weighed_by_id for point in deviation.points for weighing in point.weighings]
    proposers = deviation.sanction.proposers if deviation.sanction else []
    return {
        **({noted: NOTED_THE_DAY} if noted is not None else {}),
        **dict.fromkeys(weighed, WEIGHED_IT),
        **{notice.sent_by_id: GAVE_NOTICE for notice in deviation.notices},
        **dict.fromkeys(proposers, PROPOSED_IT),
    }


def _counts_to_the_noted_day(deviation: Deviation, step: str) -> bool:
    """Whether the person's day is the last of the breach, rather than an earlier one by the figures, and days cost.

    Where the step is not known, the day may come to set an amount.
    """
    is_last = deviation.put_right.get("person", {}).get("on") == (deviation.cured_on and deviation.cured_on.isoformat())
    return is_last and step in _MAY_COUNT_DAYS


def was_prepared_by(person_id: int) -> ColumnElement[bool]:
    """Whether this person prepared the sanction of a case: what `prepared` says, of joined rows of the two."""
    noted = Deviation.put_right["person"]
    weighed = Deviation.points.any(Point.weighings.any(Weighing.weighed_by_id == person_id))
    is_noted = and_(
        cast(noted["by_id"].as_string(), BigInteger) == person_id,
        noted["on"].as_string() == cast(Deviation.cured_on, String),
        Sanction.step.in_(_MAY_COUNT_DAYS),
    )
    given = Deviation.notices.any(Notice.sent_by_id == person_id)
    return or_(is_noted, weighed, given, is_listed(person_id, Sanction.proposers))


def is_listed(number: int, kept: ColumnElement[Any] | InstrumentedAttribute[list[int]]) -> ColumnElement[bool]:
    """Whether a number is in a list that is kept as JSON: each database has its own word for reading one."""
    each = func.json_each if db.engine.dialect.name == "sqlite" else func.json_array_elements_text
    listed = each(kept).table_valued("value")
    return exists().select_from(listed).where(cast(listed.c.value, BigInteger) == number)


def may_approve(by: Membership, sanction: Sanction) -> None:
    """Whether this person may be the second one on a sanction: approve it, or send it back."""
    may_decide(by, Permission.SANCTION_DECIDE, sanction, involved=prepared(sanction.deviation))
