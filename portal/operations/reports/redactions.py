"""The redacted version of a contract's approved reports, for whoever asks for access: what is secret is not in it."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal import permissions
from portal.errors import NotFound
from portal.extensions import db
from portal.kinds.secrecy import hidden_columns
from portal.model import (
    Contract,
    Membership,
    Notice,
    Person,
    Representative,
    Revision,
    RulingState,
    Sanction,
    record,
)
from portal.operations.entry import evidence
from portal.operations.entry.trade_secrets import FILES
from portal.operations.figures import exports
from portal.operations.figures.exports import Accepted
from portal.operations.lookup import NOT_HERE
from portal.operations.reports import judgements, rulings, signatures
from portal.operations.reports.rulings import Mark
from portal.permissions import Permission
from portal.sheets.export import Column, Properties, Sheet, Value, write_workbook
from portal.text import Text, names_however_written, same

TITLE = Text("Sladdet versjon av godkjente rapporter", "Redacted version of approved reports")
SHEET = Text("Sladding", "Redactions")
WHAT, GROUND, HOW_MANY = Text("Hva", "What"), Text("Hjemmel", "Ground"), Text("Antall", "How many")
VALUES = Text("Verdier merket som forretningshemmelighet", "Values marked as trade secrets")
SECRET_FILES = Text("Vedlegg merket som forretningshemmelighet", "Attachments marked as trade secrets")
OTHER_FILES = Text(
    "Andre vedlegg: ikke gjennomgått, og ikke med her", "Other attachments: not gone through, and not in here"
)
NAMES = Text("Navn og e-postadresser", "Names and e-mail addresses")
BY_SECRECY = Text(
    "offentleglova § 13, jf. forvaltningsloven § 13 første ledd nr. 2",
    "offentleglova section 13, cf. forvaltningsloven section 13 first paragraph no. 2",
)
BY_PRIVACY = Text("personvernforordningen artikkel 5 nr. 1 bokstav c", "GDPR article 5 (1) (c)")
MARK = Text(
    "Merke, {period}, revisjon {number}, {kind}, {name}: {stands}",
    "Mark, {period}, revision {number}, {kind}, {name}: {stands}",
)
NOT_JUDGED = Text("sladdet, oppdragsgiver har ikke vurdert det", "redacted, the buyer has not judged it")
UPHELD = Text("sladdet, oppdragsgiver har vurdert det", "redacted, the buyer has judged it")
OBJECTED = Text("sladdet, leverandøren har protestert", "redacted, the supplier has objected")
STANDS_UNTIL = Text("sladdet til og med {day}, opphevet etter det", "redacted until {day}, lifted after that")
UNTOLD = Text(
    "sladdet, opphevet fem virkedager etter at leverandøren har fått brev om det",
    "redacted, lifted five working days after a letter has told the supplier",
)
LIFTED = Text("ikke sladdet, opphevet av oppdragsgiver etter {day}", "not redacted, lifted by the buyer after {day}")
_STANDS = {RulingState.UPHELD: UPHELD, RulingState.OBJECTED: OBJECTED, RulingState.LIFTED: UNTOLD}
"""How a mark stands that nothing is known of when it will hold no more."""
NO_GROUND = Text("–", "–")
HERE_WAS = Text("Sladdet: {ground}", "Redacted: {ground}")
READ_IT = Text(
    "Personer som bare er nevnt i fritekst, kjenner ikke portalen. Les gjennom før du sender filen fra deg.",
    "The portal does not know people who are only named in free text. Read it through before you hand the file over.",
)


class Redacted(NamedTuple):
    """A workbook, and how much was left out of it."""

    content: bytes
    removed: int


def take_out(contract: Contract, language: str, *, by: Membership) -> Redacted:
    """The workbook of a contract's approved reports, without what is marked as trade secret and without names.

    What is left out is nowhere in the file: not hidden, not in its properties. The trail says that it was made.

    Raises:
        NotFound: for all but the buyer itself, which is who answers for access.
        Forbidden: for whoever of the buyer does not handle its reports.
        Refused: a report, or what is marked in it, is not what was signed; a word on a mark is not what was given.
    """
    if by.organisation_id != contract.buyer_id:
        raise NotFound(NOT_HERE)
    permissions.demand(by, Permission.ACCESS_GIVE)
    reports = exports.accepted(by, contract=contract.public_id)
    signatures.demand_as_signed([each.revision for each in reports])
    marks = rulings.of_revisions([each.revision for each in reports], by=by)
    judgements.demand_as_given([mark.ruling for mark in marks if mark.ruling is not None])
    pen = _Pen(contract, language, marks)
    told = [pen.redacted(sheet) for sheet in exports.sheets([pen.marked(each) for each in reports], language)]
    content = write_workbook([*told, _account(pen, reports, marks)], Properties(TITLE.to(language), author=""))
    removed = pen.values.total()
    record(contract, "contract.redacted", by=by, reports=len(reports), removed=removed)
    return Redacted(content, removed)


class _Pen:
    """Strikes out, and counts what it struck."""

    def __init__(self, contract: Contract, language: str, marks: Sequence[Mark]) -> None:
        self.language = language
        self._held = {each.key for each in marks if each.holds}
        self.values: Counter[Text] = Counter()
        self._names = names_however_written(_names(contract))
        self._secret = self._here_was(BY_SECRECY)
        self._name = f"[{self._here_was(BY_PRIVACY)}]"

    def marked(self, each: Accepted) -> Accepted:
        """The same report, with the columns that are not to be told."""
        hidden = {key: hidden_columns(kind, self._held_fields(each.revision, key)) for key, kind in each.kinds.items()}
        return each._replace(hidden=hidden)

    def holds(self, revision: Revision, kind: str, field: str) -> bool:
        """Whether something is marked as a trade secret, and the buyer has not lifted it."""
        return (str(revision.public_id), kind, field) in self._held

    def _held_fields(self, revision: Revision, kind: str) -> frozenset[str]:
        marked = revision.secrets.get(kind, {}).get("fields", [])
        return frozenset(field for field in marked if self.holds(revision, kind, field))

    def redacted(self, sheet: Sheet) -> Sheet:
        """The same sheet: a word in the place of each value that is not to be told, and of each name."""
        columns = tuple(replace(column, title=self._without_names(column.title)) for column in sheet.columns)
        return Sheet(sheet.title, columns, ([self._told(value) for value in row] for row in sheet.rows))

    def _told(self, value: Value) -> Value:
        if value is exports.HIDDEN:
            self.values[VALUES] += 1
            return self._secret
        return self._without_names(value) if isinstance(value, str) else value

    def _without_names(self, text: str) -> str:
        told, count = self._names.subn(lambda _found: self._name, unicodedata.normalize("NFC", text))
        self.values[NAMES] += count
        return told

    def _here_was(self, ground: Text) -> str:
        return HERE_WAS.with_values(ground=ground).to(self.language)


def _account(pen: _Pen, reports: Sequence[Accepted], marks: Sequence[Mark]) -> Sheet:
    """What was left out, how often and on what ground, and the buyer's word on each mark.

    It is written last, when everything has been counted.
    """

    def rows() -> Iterator[Sequence[Value]]:
        files = _files(pen, [each.revision for each in reports])
        yield VALUES.to(pen.language), BY_SECRECY.to(pen.language), pen.values[VALUES]
        yield NAMES.to(pen.language), BY_PRIVACY.to(pen.language), pen.values[NAMES]
        yield SECRET_FILES.to(pen.language), BY_SECRECY.to(pen.language), files[True]
        yield OTHER_FILES.to(pen.language), NO_GROUND.to(pen.language), files[False]
        for mark in marks:
            yield _in_words(mark).to(pen.language), BY_SECRECY.to(pen.language), None
        yield READ_IT.to(pen.language), "", None

    columns = (
        Column(WHAT.to(pen.language)),
        Column(GROUND.to(pen.language)),
        Column(HOW_MANY.to(pen.language), "number"),
    )
    return Sheet(SHEET.to(pen.language), columns, rows())


def _in_words(mark: Mark) -> Text:
    """What is marked where, and how it stands now. Reasons are not repeated: they may tell the secret."""
    ruling = mark.ruling
    stands = NOT_JUDGED
    if ruling is not None and ruling.takes_effect_at is not None:
        until = same(f"{ruling.takes_effect_at.astimezone(ZoneInfo(ruling.contract.time_zone)):%Y-%m-%d}")
        stands = (STANDS_UNTIL if mark.holds else LIFTED).with_values(day=until)
    elif ruling is not None:
        stands = _STANDS[ruling.state]
    period, number = mark.revision.report.period.name, mark.revision.number
    return MARK.with_values(period=period, number=number, kind=mark.kind.title, name=mark.name, stands=stands)


def _files(pen: _Pen, revisions: Sequence[Revision]) -> Counter[bool]:
    """How many files the revisions were signed with, by whether they are marked as trade secrets."""
    found: Counter[bool] = Counter()
    for revision, files in zip(revisions, evidence.of_revisions(revisions), strict=True):
        for place, beside in files.items():
            found[pen.holds(revision, place.kind, FILES)] += len(beside)
    return found


def _names(contract: Contract) -> list[str]:
    """The names and addresses of everybody who acts or has acted for a party, or speaks for one.

    Also by which they are known no more: whoever has another name now, or is erased, is not named by it after all.
    """
    parties = (contract.buyer_id, contract.supplier_id)
    members = select(Person.name, Person.email).join(Membership).where(Membership.organisation_id.in_(parties))
    spoken = select(Representative.name, Representative.email).where(Representative.contract_id == contract.id)
    now = [word for rows in (members, spoken) for row in db.session.execute(rows) for word in row]
    return [word for word in (*now, *_names_kept(contract)) if word.strip()]


def _names_kept(contract: Contract) -> Iterator[str]:
    """What people were called when they signed, proposed or decided, or when a notice was sent to or seen by them."""
    for entity in (Revision, Sanction):
        for said in db.session.scalars(select(entity.on_paper).where(entity.contract_id == contract.id)):
            yield from (str(word) for place, word in said.items() if place.endswith("_by"))
    served = select(Notice.sent_to, Notice.seen).where(Notice.contract_id == contract.id)
    for sent_to, seen in db.session.execute(served):
        yield from (each[part] for each in (*sent_to, *seen) for part in ("name", "email") if each.get(part))
