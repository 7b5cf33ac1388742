"""Files that document something: a reply, or a value of a report. The bytes lie in the store under their hash."""

import uuid
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Select, select

from portal import clock
from portal.errors import Invalid, NotFound, Refused
from portal.extensions import db, parts
from portal.files import clean_name, media_type
from portal.kinds.base import Problem
from portal.model import Evidence, Membership, OfContract, Report, Revision, record
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.lookup import NOT_HERE
from portal.text import Text

MOST_FILES = 20
"""For one value; who has more puts them into one document."""

FILE_TYPE = Text(
    "«{name}» er en filtype vi ikke tar imot. Bruk PDF, PNG, JPG, Word, Excel, CSV eller tekst.",
    "“{name}” is a file type we do not accept. Use PDF, PNG, JPG, Word, Excel, CSV or text.",
)
NO_FILE = Text("Velg minst én fil eller ta et bilde.", "Choose at least one file or take a photo.")
TOO_MANY = Text(
    "Det kan være {most} filer ved ett tall. Samle dem i ett dokument.",
    "There may be {most} files beside one figure. Put them together in one document.",
)


class Upload(NamedTuple):
    """A file as it came in."""

    name: str
    content: bytes


class Place(NamedTuple):
    """The value that a file documents: kind, line and field."""

    kind: str
    line: uuid.UUID
    field: str


def kept(upload: Upload, beside: OfContract, by: Membership) -> Evidence:
    """The upload in the file store, and its row, not yet added. Raises Refused for a file that is no evidence."""
    name = clean_name(upload.name)
    kind = media_type(upload.content, name)
    if kind is None:
        raise Refused(FILE_TYPE.with_values(name=name))
    stored = parts().store.put(upload.content)
    return Evidence(
        **beside.parties,
        sha256=stored.sha256,
        name=name,
        media_type=kind,
        size=stored.size,
        uploaded_by_id=by.person_id,
    )


def add(report: Report, place: Place, uploads: Sequence[Upload], *, by: Membership) -> list[Evidence]:
    """Put files beside a value of the draft; the same file twice is one.

    Raises:
        NotFound: the draft has no such line, or the field takes no evidence.
        Refused: the report or the value is not open for change, or a file is none that we take.
        Invalid: there is no file, or there are too many.
    """
    _demand_open(report, place, by)
    if not uploads:
        raise Invalid(NO_FILE, (Problem("required", NO_FILE, "files"),))
    there = _of_place(report, place)
    known = {file.sha256 for file in there}
    new: dict[str, Evidence] = {}
    for file in (kept(upload, report, by) for upload in uploads):
        if file.sha256 not in known:
            file.report_id, file.kind, file.line_key, file.field = report.id, place.kind, place.line, place.field
            new.setdefault(file.sha256, file)
    if len(there) + len(new) > MOST_FILES:
        words = TOO_MANY.with_values(most=MOST_FILES)
        raise Invalid(words, (Problem("too_many", words, "files"),))
    db.session.add_all(new.values())
    db.session.flush()
    for file in new.values():
        record(file, "evidence.added", by=by, sha256=file.sha256, line=str(place.line), field=place.field)
    if new:
        drafts.touch(report, report.section(place.kind), by, [str(place.line)])
    return list(new.values())


def remove(report: Report, file: Evidence, *, by: Membership) -> None:
    """Take a file off the draft. What was signed with it before still rests on it."""
    if file.report_id != report.id or file.line_key is None or file.removed_at is not None:
        raise NotFound(NOT_HERE)
    place = Place(file.kind, file.line_key, file.field)
    _demand_open(report, place, by)
    file.removed_at = clock.now()
    record(file, "evidence.removed", by=by, sha256=file.sha256, line=str(place.line), field=place.field)
    drafts.touch(report, report.section(place.kind), by, [str(place.line)])


def of_section(report: Report, kind_key: str) -> dict[uuid.UUID, list[Evidence]]:
    """Line key -> the files beside its values in the draft, oldest first."""
    found: dict[uuid.UUID, list[Evidence]] = {}
    for file in db.session.scalars(_in_draft(report).where(Evidence.kind == kind_key)):
        if file.line_key is not None:
            found.setdefault(file.line_key, []).append(file)
    return found


def of_revision(revision: Revision) -> dict[Place, list[Evidence]]:
    """The files that a revision was signed with, by the value they document."""
    [found] = of_revisions([revision])
    return found


def of_revisions(revisions: Sequence[Revision]) -> list[dict[Place, list[Evidence]]]:
    """For each of these revisions, in their order, what `of_revision` says: asked for at once."""
    signed = [_signed_files(revision) for revision in revisions]
    asked = {revision.report_id for revision, files in zip(revisions, signed, strict=True) if files}
    beside: dict[int | None, list[Evidence]] = {}
    if asked:
        for file in db.session.scalars(select(Evidence).where(Evidence.report_id.in_(asked)).order_by(Evidence.id)):
            beside.setdefault(file.report_id, []).append(file)
    pairs = zip(revisions, signed, strict=True)
    return [_by_place(beside.get(revision.report_id, []), files) for revision, files in pairs]


def _signed_files(revision: Revision) -> set[tuple[Place, str]]:
    return {
        (Place(line.kind, line.key, field), sha256)
        for line in revision.lines
        for field, value in line.values.items()
        for sha256 in value.get("evidence", "").split()
    }


def _by_place(files: Sequence[Evidence], signed: Collection[tuple[Place, str]]) -> dict[Place, list[Evidence]]:
    found: dict[Place, list[Evidence]] = {}
    for file in files:
        place = Place(file.kind, file.line_key or uuid.UUID(int=0), file.field)
        if (place, file.sha256) in signed and file.sha256 not in {each.sha256 for each in found.get(place, [])}:
            found.setdefault(place, []).append(file)
    return found


def freeze(report: Report, revision: Revision) -> None:
    """Write the hashes of the files beside each value into the frozen lines, so that the signature covers them."""
    files: dict[Place, set[str]] = {}
    for file in db.session.scalars(_in_draft(report)):
        if file.line_key is not None:
            files.setdefault(Place(file.kind, file.line_key, file.field), set()).add(file.sha256)
    for line in revision.lines:
        line.values = {
            key: {**value, "evidence": " ".join(sorted(hashes))} if hashes else value
            for key, value in line.values.items()
            for hashes in [files.get(Place(line.kind, line.key, key))]
        }


def put_back_as(revision: Revision) -> None:
    """Make the draft's files those that a revision was signed with: no more, no less."""
    signed = {file.id for files in of_revision(revision).values() for file in files}
    for file in db.session.scalars(select(Evidence).where(Evidence.report_id == revision.report_id)):
        if file.id in signed:
            file.removed_at = None
        elif file.removed_at is None:
            file.removed_at = clock.now()


def note_signed(revision: Revision) -> None:
    """From now on the buyer sees the files that the revision was signed with."""
    for files in of_revision(revision).values():
        for file in files:
            file.revision_id = file.revision_id or revision.id


def _demand_open(report: Report, place: Place, by: Membership) -> None:
    section = drafts.open_section(report, place.kind, by)
    kind = contracts.kind_of(report, place.kind)
    fields = {field.key for field in kind.fields if field.provenance}
    if place.field not in fields or place.line not in {line.key for line in section.lines}:
        raise NotFound(NOT_HERE)
    if place.field not in drafts.open_columns(report, kind, place.line):
        raise Refused(drafts.LOCKED)


def _of_place(report: Report, place: Place) -> Sequence[Evidence]:
    same_value = (Evidence.kind == place.kind, Evidence.line_key == place.line, Evidence.field == place.field)
    return db.session.scalars(_in_draft(report).where(*same_value)).all()


def _in_draft(report: Report) -> Select[Evidence]:
    return select(Evidence).where(Evidence.report_id == report.id, Evidence.removed_at.is_(None)).order_by(Evidence.id)
