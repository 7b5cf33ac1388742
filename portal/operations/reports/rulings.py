"""What a supplier has marked as trade secrets in approved reports, and the buyer's word on each mark.

The mark is a claim; whether it holds is for the buyer to say (offentleglova § 13, cf. forvaltningsloven § 13). It
stands until the buyer has said that it does not, and the supplier has had time to answer.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal import calendars, clock, permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.kinds import Kind, Problem
from portal.model import (
    Contract,
    MailState,
    Membership,
    OutgoingMail,
    Person,
    Report,
    ReportingPeriod,
    Revision,
    Role,
    Ruling,
    RulingState,
)
from portal.operations import accounts, mail, processes
from portal.operations.contracts import contracts
from portal.operations.entry.trade_secrets import name_of
from portal.permissions import Permission
from portal.text import Text

NOTICE_DAYS = 5
"""Working days from when a letter has told the supplier that a mark is lifted until it is."""
LONGEST = 2000

CHOOSE = Text("Velg minst ett merke.", "Choose at least one mark.")
SAY_WHICH = Text("Velg om merket skal stå eller oppheves.", "Choose whether the mark is to stand or be lifted.")
SAY_WHY = Text("Skriv hvorfor. Den andre parten leser det.", "Write why. The other party reads it.")
NOBODY = Text(
    "Leverandøren har ingen som kan få brevet om det, og da kan merket ikke oppheves. Be leverandøren gi noen rollen "
    "rapportør eller signatar.",
    "The supplier has nobody who can get the letter about it, and so the mark cannot be lifted. Ask the supplier to "
    "make somebody a reporter or signatory.",
)
ALREADY = Text(
    "{what}, {period}: merket er alt opphevet. Ta bort det valget.",
    "{what}, {period}: the mark is lifted already. Take that choice away.",
)
CHANGED = Text(
    "Noe av det du valgte, har endret seg siden du åpnet siden. Les det på nytt, og velg igjen.",
    "Something that you chose has changed since you opened the page. Read it again, and choose anew.",
)
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
    def version(self) -> int:
        """Of what is held of it; 0 while nothing is."""
        return self.ruling.version if self.ruling else 0

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


def rule(
    contract: Contract, chosen: Mapping[Key, int], word: Word | None, reason: str, *, by: Membership
) -> list[Mark]:
    """Say of these marks whether they stand, and tell the supplier by letter.

    One that is lifted stands until a letter has arrived and NOTICE_DAYS have passed since.

    Args:
        contract: whose marks they are.
        chosen: the marks, each with the version of what was held of it when it was chosen.
        word: whether they stand.
        reason: why, as the supplier will read it.
        by: who says so.

    Raises:
        Forbidden: they do not give access for the buyer.
        Invalid: nothing is chosen, no word or reason is given, what is to be lifted is lifted, or nobody can be told.
        Conflict: something that was chosen is not there, or somebody has said something of it since.
    """
    permissions.demand(by, Permission.ACCESS_GIVE)
    problems = [] if chosen else [Problem("required", CHOOSE, "marks")]
    problems += [] if word else [Problem("required", SAY_WHICH, "word")]
    _demand(reason, "reason", problems)
    found = _as_they_are(contract, chosen, by)
    if word == Word.LIFT:
        _demand_liftable(contract, found)
    given, why = uuid.uuid4(), reason.strip()
    ruled = [_ruled(mark, word or Word.UPHOLD, why, given, by) for mark in found]
    db.session.flush()
    is_lifted, until = word == Word.LIFT, effect_of(contract)
    for to in recipients(contract):
        letter = "marks_ruled"
        mail.write(to, letter, contract, word=given, marks=ruled, is_lifted=is_lifted, reason=why, until=until)
    return ruled


def recipients(contract: Contract) -> list[Person]:
    """Who of the supplier is told what the buyer holds of its marks."""
    return accounts.people(contract.supplier_id, Role.REPORTER, Role.SIGNATORY, about=contract.id)


def note_told(letter: OutgoingMail) -> None:
    """A letter about these marks has arrived: the days of those that are lifted run from now."""
    for ruling in _told_by(letter):
        ruling.note_told(effect_of(ruling.contract))


def note_untold(letter: OutgoingMail) -> None:
    """A letter about these marks came back. Where no other has arrived, the supplier has not been told."""
    arrived = select(OutgoingMail.id).where(
        OutgoingMail.contract_id == letter.contract_id,
        OutgoingMail.word_id == letter.word_id,
        OutgoingMail.state.in_([MailState.SENT, MailState.KEPT]),
    )
    rulings = _told_by(letter)
    if db.session.scalar(arrived.limit(1)) is None:
        for ruling in rulings:
            ruling.note_untold()


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
    """Until when a mark still stands whose supplier is told now that it is lifted: the end of its last day."""
    day = calendars.add_working_days(clock.today(contract.time_zone), NOTICE_DAYS, contract.country)
    return calendars.end_of_day(day, contract.time_zone)


def may_rule(contract: Contract, by: Membership) -> bool:
    """Whether they say for the buyer what a mark is worth."""
    return by.organisation_id == contract.buyer_id and permissions.allowed(by, Permission.ACCESS_GIVE)


def _as_they_are(contract: Contract, chosen: Mapping[Key, int], by: Membership) -> list[Mark]:
    """The chosen marks as they are now; until the commit nobody else says anything of them."""
    reports = {mark.revision.report for mark in of_contract(contract, by=by) if mark.key in chosen}
    for report in sorted(reports, key=lambda each: each.id):
        processes.hold(report)
    found = [mark for mark in of_contract(contract, by=by) if mark.key in chosen]
    if {mark.key: mark.version for mark in found} != chosen:
        raise Conflict(CHANGED)
    return found


def _told_by(letter: OutgoingMail) -> list[Ruling]:
    """The words that a letter tells of, as they are now; until the commit nobody else changes them."""
    asked = select(Ruling).where(Ruling.contract_id == letter.contract_id, Ruling.word_id == letter.word_id)
    found = db.session.scalars(asked.order_by(Ruling.id)).unique().all()
    for report in sorted({ruling.revision.report for ruling in found}, key=lambda each: each.id):
        processes.hold(report)
    for ruling in found:
        db.session.refresh(ruling)
    return [ruling for ruling in found if ruling.word_id == letter.word_id]


def _demand_liftable(contract: Contract, found: Sequence[Mark]) -> None:
    """Nothing is lifted that nobody can be told of, or that is lifted: its days would run anew."""
    if not recipients(contract):
        raise Invalid(NOBODY, (Problem("nobody", NOBODY, "word"),))
    words = [
        ALREADY.with_values(what=mark.name, period=mark.revision.report.period.name)
        for mark in found
        if mark.ruling is not None and mark.ruling.is_lifted
    ]
    if words:
        raise Invalid(words[0], tuple(Problem("lifted", each, "marks") for each in words))


def _ruled(mark: Mark, word: Word, reason: str, given: uuid.UUID, by: Membership) -> Mark:
    revision, ruling = mark.revision, mark.ruling
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
        ruling.lift(reason, given, by=by)
    else:
        ruling.uphold(reason, given, by=by)
    return mark._replace(ruling=ruling)


def _rulings(revisions: Collection[int], by: Membership) -> Mapping[tuple[int, str, str], Ruling]:
    rows = permissions.visible(Ruling, by).where(Ruling.revision_id.in_(revisions))
    found = db.session.scalars(rows.execution_options(populate_existing=True)).unique()
    return {(each.revision_id, each.kind, each.field): each for each in found}


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
