"""What the review page shows: each line beside the period before, what the rules say, figures and findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from flask_babel import gettext as _

from portal import factors, permissions
from portal.extensions import db
from portal.kinds import WHOLE_SITE, Field, FieldType, Indicator, Kind, Line
from portal.model import Evidence, Figure, Finding, FindingResult, Membership, Report, Revision
from portal.operations.entry import drafts
from portal.operations.figures import figures, stretches
from portal.text import Text, same
from portal.web import labels
from portal.web.labels import Tag
from portal.web.reports.comparisons import Earlier
from portal.web.reports.corrections import ToldComment

NOTHING = same("")
WHOLE_LINE = Text("Hele linjen", "The whole line")


# -- lines ------------------------------------------------------------------------------------------------------------


class Remark(NamedTuple):
    """What a rule or a requirement says of a line, and what the supplier says of that."""

    tag: Tag
    text: Text
    reason: str = ""


class Cell(NamedTuple):
    """A value and its source: now, as they were, and by what share of 1 a number changed.

    `place`: where a comment on it stands. `is_flagged`: whether a rule has something to say of just this value.
    `files`: what documents it.
    """

    field: Field
    now: Text
    source: Text
    before: Text
    source_before: Text
    change: Decimal | None
    is_changed: bool
    is_flagged: bool
    files: list[Evidence]
    place: str


class ReviewedLine(NamedTuple):
    """A line as it is, or, when it `is_gone`, as it was. `place`: where a comment on the whole of it stands."""

    key: str
    name: Text
    cells: list[Cell]
    remarks: list[Remark]
    comments: list[ToldComment]
    place: str
    is_new: bool
    is_gone: bool = False

    @property
    def places(self) -> list[tuple[str, Text]]:
        """What of it can be commented on, by name: all of it, or one value."""
        return [(self.place, WHOLE_LINE), *((cell.place, cell.field.label) for cell in self.cells)]

    @property
    def is_changed(self) -> bool:
        """Whether it came, went, or says something else now."""
        return self.is_new or self.is_gone or any(cell.is_changed for cell in self.cells)

    @property
    def stands_out(self) -> bool:
        """Whether the reviewer is shown it without asking for all lines."""
        return self.is_changed or bool(self.remarks or self.comments)

    @property
    def needs_care(self) -> bool:
        """Whether something on the line should make the reviewer look twice."""
        return any(remark.tag.tone in {"danger", "warning"} for remark in self.remarks)


@dataclass(frozen=True)
class ReviewedSection:
    """One kind's part of the revision.

    `fields`: those that any line has a value in. `lines`: those to show, of `count` with `changed` among them, and
    besides them those that are `gone`.
    `comments`: those on the part as such.
    """

    kind: Kind
    fields: list[Field]
    lines: list[ReviewedLine]
    count: int
    changed: int
    gone: int
    nothing: str
    """Why there is nothing to report, when that is the answer."""
    is_compared: bool
    comments: list[ToldComment]


class Lens(NamedTuple):
    """How the reviewer looks at the lines: beside what, all of them or those that stand out, and which one besides.

    `files`: hash -> the file, of all that documents their values.
    """

    earlier: Earlier
    everything: bool = False
    kept: str = ""
    files: Mapping[str, Evidence] = {}


def section(kind: Kind, revision: Revision, lens: Lens, said: Sequence[ToldComment]) -> ReviewedSection:
    """One kind's lines beside the earlier ones; `said` is everything that was said of the report."""
    lines = [Line(str(line.key), line.values) for line in revision.lines_of(kind.key)]
    is_compared = lens.earlier.can_match(kind)
    pairs = [(line, lens.earlier.matching(kind, line)) for line in lines]
    matched = {id(before) for _line, before in pairs}
    gone = [line for line in lens.earlier.lines.get(kind.key, ()) if is_compared and id(line) not in matched]
    own = [each for each in said if each.place.kind == kind.key]
    reviewed = [
        *(_reviewed(kind, (place, *pair), revision, own, lens.files) for place, pair in enumerate(pairs, start=1)),
        *(_gone(kind, place, line, own) for place, line in enumerate(gone, start=len(lines) + 1)),
    ]
    given = [*lines, *gone]
    return ReviewedSection(
        kind=kind,
        fields=[field for field in kind.fields if not field.identity and any(line.text(field.key) for line in given)],
        lines=[
            each
            for each in reviewed
            if lens.everything or not is_compared or each.stands_out or each.place == lens.kept
        ],
        count=len(lines),
        changed=sum(each.is_changed for each in reviewed if not each.is_gone) if is_compared else 0,
        gone=len(gone),
        nothing=revision.answers.get(kind.key, {}).get("reason", ""),
        is_compared=is_compared,
        comments=[each for each in own if each.place.line_key is None],
    )


def _reviewed(
    kind: Kind,
    placed: tuple[int, Line, Line | None],
    revision: Revision,
    said: Sequence[ToldComment],
    files: Mapping[str, Evidence],
) -> ReviewedLine:
    place, line, before = placed
    flagged = {check.field for check in revision.checks if (check.kind, check.line_key) == (kind.key, line.key)}
    fields = [field for field in kind.fields if not field.identity]
    return ReviewedLine(
        key=line.key,
        name=kind.line_name(line, place),
        cells=[_cell(kind, field, line, before, files, is_flagged=field.key in flagged) for field in fields],
        remarks=[*_breaches(kind, line, revision), *_remarks(kind, line, revision)],
        comments=[each for each in said if str(each.place.line_key) == line.key],
        place=f"{kind.key}/{line.key}/",
        is_new=before is None,
    )


def _gone(kind: Kind, place: int, line: Line, said: Sequence[ToldComment]) -> ReviewedLine:
    """A line that was there and is no more: there is nothing to comment on but what was said of it then."""
    empty = Line(line.key, {})
    fields = [field for field in kind.fields if not field.identity]
    return ReviewedLine(
        key=line.key,
        name=kind.line_name(line, place),
        cells=[_cell(kind, field, empty, line, {}, is_flagged=False) for field in fields],
        remarks=[],
        comments=[each for each in said if str(each.place.line_key) == line.key],
        place="",
        is_new=False,
        is_gone=True,
    )


def _cell(  # noqa: PLR0913 - what a value is shown by
    kind: Kind, field: Field, line: Line, before: Line | None, files: Mapping[str, Evidence], *, is_flagged: bool
) -> Cell:
    now, source = kind.words(field.key, line.values), _source(kind, field, line)
    old, old_source = (
        (kind.words(field.key, before.values), _source(kind, field, before)) if before else (NOTHING, NOTHING)
    )
    is_number = field.type is FieldType.NUMBER
    hashes = _hashes(line, field.key)
    return Cell(
        field=field,
        now=now,
        source=source,
        before=old,
        source_before=old_source,
        change=share_of_change(before.number(field.key), line.number(field.key)) if before and is_number else None,
        is_changed=before is not None and (now, source, hashes) != (old, old_source, _hashes(before, field.key)),
        is_flagged=is_flagged,
        files=[files[each] for each in hashes if each in files],
        place=f"{kind.key}/{line.key}/{field.key}",
    )


def files_of(revision: Revision, by: Membership) -> dict[str, Evidence]:
    """Hash -> the file, of all that documents a value of the revision."""
    hashes = {
        each
        for row in revision.lines
        for field in row.values
        for each in _hashes(Line(str(row.key), row.values), field)
    }
    if not hashes:
        return {}
    rows = permissions.visible(Evidence, by).where(
        Evidence.contract_id == revision.contract_id, Evidence.sha256.in_(hashes)
    )
    return {file.sha256: file for file in db.session.scalars(rows.order_by(Evidence.id.desc()))}


def _hashes(line: Line, field: str) -> list[str]:
    """The files that a value was signed with."""
    return line.values.get(field, {}).get("evidence", "").split()


def _source(kind: Kind, field: Field, line: Line) -> Text:
    return kind.words(f"{field.key}_source", line.values) if field.provenance and line.source(field.key) else NOTHING


def _breaches(kind: Kind, line: Line, revision: Revision) -> Iterator[Remark]:
    """Requirements that this very line breaks; of sums and shares no single line can be said to."""
    for finding in revision.findings:
        duty = finding.requirement
        if finding.result != FindingResult.BROKEN or duty.kind != kind.key or line.key not in finding.lines:
            continue
        indicator = kind.indicator(duty.indicator)
        if indicator.breaks_by_line:
            yield Remark(Tag(_("Breaks clause %(clause)s", clause=duty.clause), "danger"), indicator.title)


def _remarks(kind: Kind, line: Line, revision: Revision) -> list[Remark]:
    return [
        Remark(labels.SEVERITY[check.severity], Text.load(check.text), check.reason)
        for check in revision.checks
        if (check.kind, check.line_key) == (kind.key, line.key)
    ]


def share_of_change(before: Decimal | None, now: Decimal | None) -> Decimal | None:
    """By what share of 1 a number changed; None when there is nothing to compare with."""
    return (now - before) / before if before and now is not None else None


# -- figures ----------------------------------------------------------------------------------------------------------


class ShownFigure(NamedTuple):
    """An indicator of the revision, its basis in short, and the same figure in the period before."""

    indicator: Indicator
    value: Decimal | None
    unit: str
    basis: Text
    unknown: Text
    before: Decimal | None

    @property
    def change(self) -> Decimal | None:
        """By what share of 1 it changed; None for what is a share itself, or with nothing to compare with."""
        return None if self.unit == "%" else share_of_change(self.before, self.value)

    @property
    def points(self) -> Decimal | None:
        """By how many percentage points a share changed, to one decimal."""
        if self.unit != "%" or self.before is None or self.value is None:
            return None
        return (self.value - self.before).quantize(Decimal("0.1"))

    @property
    def is_unchanged(self) -> bool:
        """Whether it is as in the period before, as far as the page shows it."""
        return self.before is not None and (self.before == self.value or self.points == 0)

    @property
    def decimals(self) -> int:
        """One decimal where either figure has any."""
        given = [each for each in (self.value, self.before) if each is not None]
        return 0 if all(each == each.to_integral_value() for each in given) else 1


class FigureGroup(NamedTuple):
    """The figures of one kind, or of the whole site: what counts there, each amount of energy once."""

    kind: Kind
    is_whole_site: bool
    figures: list[ShownFigure]
    unknown: list[ShownFigure]


def figure_groups(revision: Revision, kinds: Mapping[str, Kind]) -> list[FigureGroup]:
    """Every figure of the revision but the ranked ones, which say something only against a threshold."""
    before = {(figure.kind, figure.indicator): _value(figure, kinds) for figure in _figures_before(revision.report)}
    groups = []
    for key, kind in kinds.items():
        found = [
            _shown(figure, kinds, before.get((key, figure.indicator)))
            for figure in revision.figures
            if figure.kind == key and not kind.indicator(figure.indicator).breaks_by_line
        ]
        known = [each for each in found if each.value is not None]
        unknown = [each for each in found if each.value is None]
        groups.append(FigureGroup(kind, key == WHOLE_SITE.key, known, unknown))
    return groups


def _shown(figure: Figure, kinds: Mapping[str, Kind], before: Decimal | None) -> ShownFigure:
    return ShownFigure(
        indicator=kinds[figure.kind].indicator(figure.indicator),
        value=_value(figure, kinds),
        unit=figure.unit,
        basis=_basis(figure),
        unknown=Text.load(figure.unknown) if figure.unknown else NOTHING,
        before=before,
    )


def basis_of(revision: Revision) -> list[Text]:
    """What all figures of the revision rest on, in sentences."""
    return [Text.load(sentence) for sentence in (revision.figures[0].basis if revision.figures else [])]


def _value(figure: Figure, kinds: Mapping[str, Kind]) -> Decimal | None:
    if figure.numerator is None or figure.kind not in kinds:
        return None
    return kinds[figure.kind].indicator(figure.indicator).value(figure.numerator, figure.denominator)


def _basis(figure: Figure) -> Text:
    """The editions whose factors are in the figure. A factor's id begins with the key of its edition."""
    keys = dict.fromkeys(factor.partition("/")[0] for factor in figure.factors)
    titles = [edition.title for edition in factors.editions() if edition.key in keys]
    return Text("; ".join(title.nb for title in titles), "; ".join(title.en for title in titles))


def _figures_before(report: Report) -> Sequence[Figure]:
    before = drafts.previous_revision(report)
    return before.figures if before is not None else ()


# -- findings ---------------------------------------------------------------------------------------------------------


class ShownFinding(NamedTuple):
    """How one requirement came out: what it asks for, the figure, the result, and the lines that break it."""

    finding: Finding
    title: Text
    threshold: Text
    figure: Text
    sentence: Text
    lines: list[Text]


def shown_findings(revision: Revision, kinds: Mapping[str, Kind]) -> list[ShownFinding]:
    """Every requirement held against the revision, those that are broken first."""
    found = [_finding(finding, revision, kinds[finding.requirement.kind]) for finding in revision.findings]
    return sorted(found, key=lambda each: labels.GRAVEST_FIRST.index(each.finding.result))


def _finding(finding: Finding, revision: Revision, kind: Kind) -> ShownFinding:
    kind = stretches.describing(kind, finding.requirement)
    indicator = kind.indicator(finding.requirement.indicator)
    lines = enumerate(revision.lines_of(kind.key), start=1)  # none of the whole site: its figures break no line
    named = [
        kind.line_name(Line(str(line.key), line.values), place)
        for place, line in lines
        if indicator.breaks_by_line and str(line.key) in finding.lines
    ]
    return ShownFinding(
        finding=finding,
        title=indicator.title,
        threshold=figures.threshold_in_words(kind, finding.requirement, revision.report.period.ends_on),
        figure=Text.load(finding.figure["shown"]),
        sentence=Text.load(finding.sentence),
        lines=named,
    )
