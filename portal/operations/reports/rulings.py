"""What a supplier has marked as trade secrets in approved reports, and the buyer's word on each mark.

The mark is a claim; whether it holds is for the buyer to say (offentleglova § 13, cf. forvaltningsloven § 13). It
stands until the buyer has said that it does not, and the supplier has had time to answer.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy.orm import joinedload

from portal import calendars, clock, permissions
from portal.errors import Invalid
from portal.extensions import db
from portal.kinds import Kind, Problem
from portal.model import Contract, Membership, Report, ReportingPeriod, Revision, Role, Ruling, RulingState
from portal.operations import accounts, mail, processes
from portal.operations.contracts import contracts
from portal.operations.entry.trade_secrets import name_of
from portal.permissions import Permission
from portal.text import Text

NOTICE_DAYS = 5
"""Working days from when the supplier is told that a mark is lifted until it is."""
LONGEST = 2000

CHOOSE = Text("Velg minst ett merke.", "Choose at least one mark.")
SAY_WHICH = Text("Velg om merket skal stå eller oppheves.", "Choose whether the mark is to stand or be lifted.")
SAY_WHY = Text("Skriv hvorfor. Den andre parten leser det.", "Write why. The other party reads it.")
TOO_LONG = Text("Det kan være høyst {most} tegn.", "It can have at most {most} characters.")

Key = tuple[str, str, str]
"""Public id of a revision, key of a kind, key of a field or "files"."""


class Word(StrEnum):
    """What the buyer may say of a mark."""

    UPHOLD = "uphold"
    LIFT = "lift"


class Mark(NamedTuple):
    """One thing that the supplier marked in an approved report, and what the buyer holds of it."""

    revision: Revision
    kind: Kind
    field: str
    claim: str
    """Why it is a trade secret, in the supplier's words."""
    ruling: Ruling | None

    @property
    def key(self) -> Key:
        """By which it is chosen."""
        return str(self.revision.public_id), self.kind.key, self.field

    @property
    def name(self) -> Text:
        """What is marked."""
        return name_of(self.kind, self.field)

    @property
    def holds(self) -> bool:
        """Whether it is kept out of the version for access now."""
        return self.ruling is None or not self.ruling.is_in_force


def of_contract(contract: Contract, *, by: Membership) -> list[Mark]:
    """The marks of a contract's approved reports as far as `by` sees them, the newest period first."""
    rows = (
        permissions.visible(Revision, by)
        .join(Revision.report)
        .join(Report.period)
        .where(Revision.contract_id == contract.id, Revision.number == Report.accepted_number)
        .order_by(ReportingPeriod.starts_on.desc(), Revision.id)
        .options(joinedload(Revision.report).joinedload(Report.period))
    )
    return of_revisions(db.session.scalars(rows).unique().all(), by=by)


def of_revisions(revisions: Sequence[Revision], *, by: Membership) -> list[Mark]:
    """The marks of these revisions, in their order."""
    marked = [each for each in revisions if each.secrets]
    rulings = _rulings([each.id for each in marked], by) if marked else {}
    return [
        Mark(revision, kind, field, said["reason"], rulings.get((revision.id, key, field)))
        for revision in marked
        for key, said in revision.secrets.items()
        for kind in [contracts.kind_of(revision.report, key)]
        for field in said["fields"]
    ]


def rule(contract: Contract, chosen: Collection[Key], word: Word | None, reason: str, *, by: Membership) -> list[Mark]:
    """Say of these marks whether they stand, and tell the supplier; one that is lifted holds until its notice is over.

    Raises:
        Forbidden: they do not give access for the buyer.
        Invalid: nothing is chosen, or no word or reason is given.
    """
    permissions.demand(by, Permission.ACCESS_GIVE)
    found = [mark for mark in of_contract(contract, by=by) if mark.key in chosen]
    problems = [] if found else [Problem("required", CHOOSE, "marks")]
    problems += [] if word else [Problem("required", SAY_WHICH, "word")]
    _demand(reason, "reason", problems)
    takes_effect_at = effect_of(contract)
    ruled = [_ruled(mark, word or Word.UPHOLD, reason.strip(), takes_effect_at, by) for mark in found]
    db.session.flush()
    for person in accounts.people(contract.supplier_id, Role.REPORTER, Role.SIGNATORY, about=contract.id):
        is_lifted, why = word == Word.LIFT, reason.strip()
        mail.write(person, "marks_ruled", contract, marks=ruled, is_lifted=is_lifted, reason=why, until=takes_effect_at)
    return ruled


def object_to(ruling: Ruling, words: str, *, by: Membership) -> None:
    """Say why a mark is not to be lifted. It stands until the buyer has answered, who is told.

    Raises:
        Invalid: nothing is written, or too much.
        InvalidTransition: the lifting is in force, or was objected to before.
    """
    permissions.demand(by, Permission.REPORT_EDIT)
    _demand(words, "words", [])
    report = ruling.revision.report
    processes.hold(report)
    db.session.refresh(ruling)
    ruling.object(words.strip(), by=by)
    db.session.flush()
    for person in accounts.people(ruling.buyer_id, Role.REVIEWER, Role.CONTRACT_MANAGER, about=ruling.contract_id):
        mail.write(person, "mark_objected", ruling.contract, mark=mark_of(ruling), words=words.strip())


def effect_of(contract: Contract) -> datetime:
    """Until when a mark that is lifted now still stands: the end of the last day of its notice."""
    day = calendars.add_working_days(clock.today(contract.time_zone), NOTICE_DAYS, contract.country)
    return calendars.end_of_day(day, contract.time_zone)


def may_rule(contract: Contract, by: Membership) -> bool:
    """Whether they say for the buyer what a mark is worth."""
    return by.organisation_id == contract.buyer_id and permissions.allowed(by, Permission.ACCESS_GIVE)


def _ruled(mark: Mark, word: Word, reason: str, takes_effect_at: datetime, by: Membership) -> Mark:
    revision = mark.revision
    processes.hold(revision.report)
    ruling = mark.ruling
    if ruling is None:
        ruling = Ruling(
            **revision.parties,
            revision=revision,
            kind=mark.kind.key,
            field=mark.field,
            state=RulingState.UPHELD,
            reason=reason,
            ruled_by=by.person,
        )
        db.session.add(ruling)
        db.session.flush()
    if word == Word.LIFT:
        ruling.lift(reason, takes_effect_at, by=by)
    else:
        ruling.uphold(reason, by=by)
    return mark._replace(ruling=ruling)


def _rulings(revisions: Collection[int], by: Membership) -> Mapping[tuple[int, str, str], Ruling]:
    rows = permissions.visible(Ruling, by).where(Ruling.revision_id.in_(revisions))
    return {(each.revision_id, each.kind, each.field): each for each in db.session.scalars(rows).unique()}


def mark_of(ruling: Ruling) -> Mark:
    """The mark that was judged."""
    kind = contracts.kind_of(ruling.revision.report, ruling.kind)
    claim = ruling.revision.secrets[ruling.kind]["reason"]
    return Mark(ruling.revision, kind, ruling.field, claim, ruling)


def _demand(words: str, place: str, problems: list[Problem]) -> None:
    if not words.strip():
        problems.append(Problem("required", SAY_WHY, place))
    elif len(words.strip()) > LONGEST:
        problems.append(Problem("too_long", TOO_LONG.with_values(most=LONGEST), place))
    if problems:
        raise Invalid(problems[0].text, tuple(problems))
