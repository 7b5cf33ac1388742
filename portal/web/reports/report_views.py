"""What the supplier's pages of a report show: the parts and how far each has come, and what a draft would say."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal import factors
from portal.kinds import WHOLE_SITE, Indicator, Kind, Line, Problem
from portal.kinds.base import FieldType
from portal.model import Answer, Evidence, Figure, Report, ReportState, Revision, Section
from portal.operations.entry import drafts, evidence, explanations, trade_secrets
from portal.operations.figures import figures, stretches
from portal.operations.figures.figures import ComputedFigure, Judgement
from portal.operations.reports.reports import Summary
from portal.text import Text, same
from portal.web import labels
from portal.web.labels import Tag
from portal.web.reports import kind_forms, review_views
from portal.web.reports.review_views import ShownFinding

NOTHING = same("")
MISSING = "missing"
UNANSWERED = "unanswered"
"""The rule of a section that nobody has answered."""


class Remark(NamedTuple):
    """What was found in the draft, in words, and where it is mended."""

    text: Text
    url: str
    severity: str
    """As of a problem; "missing" for what is only not filled in yet."""
    subject: explanations.Subject | None = None
    """What a reason for it is filed under; none for what is only not filled in yet."""


class Part(NamedTuple):
    """One section of the report: its lines, what stands against it, how far it has come, where it is filled in."""

    section: Section
    kind: Kind
    lines: Sequence[Line]
    totals: Mapping[str, Mapping[str, Decimal]]
    """Column key -> unit -> sum."""
    remarks: list[Remark]
    status: Tag
    url: str
    marked_before: trade_secrets.LastTime | None
    """What was marked as trade secrets for the period before, and is not here."""

    @property
    def is_nothing(self) -> bool:
        """Whether the answer is that there is nothing to report."""
        return self.section.answer == Answer.NOTHING

    @property
    def warnings(self) -> list[Remark]:
        """What does not stop the report, and should be looked at once more."""
        return [remark for remark in self.remarks if remark.severity == "warning"]

    @property
    def notes(self) -> list[Remark]:
        """What is good to know, and asks for nothing."""
        return [remark for remark in self.remarks if remark.severity == "info"]

    @property
    def errors(self) -> list[Remark]:
        """What is wrong, and stops the report."""
        return [remark for remark in self.remarks if remark.severity == "error"]

    @property
    def missing(self) -> list[Remark]:
        """What is not filled in yet, line by line; it stops the report too."""
        return [remark for remark in self.remarks if remark.severity == MISSING]


class FigureRow(NamedTuple):
    """An indicator with the editions it rests on, or why it cannot be computed."""

    indicator: Indicator
    value: Decimal | None
    unit: str
    basis: Text
    unknown: Text


class DraftFinding(NamedTuple):
    """How one requirement would come out, with the lines that break it."""

    finding: Judgement
    title: Text
    threshold: Text
    figure: Text
    sentence: Text
    lines: list[Text]


class FrozenSection(NamedTuple):
    """One kind's lines as they were signed, or the answer that there was nothing, and what they come to."""

    kind: Kind
    lines: list[Line]
    totals: Mapping[str, Mapping[str, Decimal]]
    answer: Mapping[str, str]
    figures: list[FigureRow]
    files: Mapping[tuple[str, str], Sequence[Evidence]]
    """(Line key, field key) -> the receipts it was signed with."""


class Frozen(NamedTuple):
    """What a revision says, and what followed from it."""

    sections: list[FrozenSection]
    whole_site: list[FigureRow]
    findings: list[ShownFinding]
    basis: list[Text]


def parts(report: Report, found: Summary, back: str | None = None) -> list[Part]:
    """Every section of the draft, in order. `back`: where to go when one of them has been changed, as `edit` says."""
    before = drafts.previous_revision(report)
    return [
        _part(report, state.section, state.kind, found.said[state.kind.key], back=back, before=before)
        for state in found.sections
    ]


def _part(  # noqa: PLR0913 - what a part is shown with
    report: Report,
    section: Section,
    kind: Kind,
    problems: Sequence[Problem],
    *,
    back: str | None,
    before: Revision | None,
) -> Part:
    lines = [Line(str(line.key), kind.read(line.raw).values) for line in section.lines]
    url = url_for("reports.edit", public_id=report.public_id, key=kind.key, back=back)
    remarks = [*_missing(kind, lines, problems, url), *_remarks(kind, lines, problems, url)]
    if report.state == ReportState.RETURNED and section.kind not in {each.kind for each in report.current_unlocks}:
        url = ""
    marked_before = trade_secrets.last_time(report, kind.key, before)
    return Part(
        section, kind, lines, totals(kind, lines), remarks, _status(report, section, remarks), url, marked_before
    )


def _missing(kind: Kind, lines: Sequence[Line], problems: Sequence[Problem], url: str) -> Iterator[Remark]:
    """What is not filled in, one remark a line, that leads to the first empty value; or the whole section."""
    for index, line in enumerate(lines):
        own = [problem for problem in problems if problem.rule in kind_forms.UNFINISHED and problem.line == line.key]
        words = kind_forms.missing_in_words(kind, own)
        if words is not None:
            place = kind_forms.place_of(index, own[0])
            yield Remark(_named(kind, line, index, words), f"{url}#{place}", MISSING)
    for problem in problems:
        if problem.rule == UNANSWERED:
            yield Remark(problem.text, url, MISSING)


def _remarks(kind: Kind, lines: Sequence[Line], problems: Sequence[Problem], url: str) -> Iterator[Remark]:
    """What is wrong or odd, each where it is mended."""
    places = {line.key: (index, line) for index, line in enumerate(lines)}
    for problem in problems:
        if problem.rule in {*kind_forms.UNFINISHED, UNANSWERED}:
            continue
        about = explanations.Subject.of(kind.key, problem)
        if problem.line not in places:
            yield Remark(problem.text, url, problem.severity, about)
            continue
        index, line = places[problem.line]
        # An extension function names the line itself; what is wrong with a single value does not.
        words = problem.text if "." in problem.rule else _named(kind, line, index, problem.text)
        yield Remark(words, f"{url}#{kind_forms.place_of(index, problem)}", problem.severity, about)


def _named(kind: Kind, line: Line, index: int, words: Text) -> Text:
    name = kind.line_name(line, index + 1)
    return Text(f"{name.nb}: {words.nb}", f"{name.en}: {words.en}")


def _status(report: Report, section: Section, remarks: Sequence[Remark]) -> Tag:
    """How far a part has come, in as few words as possible; colour only where something is wrong."""
    errors = sum(remark.severity == "error" for remark in remarks)
    if errors:
        return Tag(ngettext("%(num)d error", "%(num)d errors", errors), "danger")
    if report.state == ReportState.RETURNED and any(each.kind == section.kind for each in report.current_unlocks):
        return Tag(_("Open for correction"), "warning")
    if section.answer is None:
        return Tag(_("Not started"), "plain")
    if any(remark.severity == MISSING for remark in remarks):
        return Tag(_("In progress"), "plain")
    return Tag(_("Nothing to report") if section.answer == Answer.NOTHING else _("Complete"), "plain")


def totals(kind: Kind, lines: Sequence[Line]) -> dict[str, dict[str, Decimal]]:
    """Column key -> unit -> sum over the lines. What differs in unit is never added."""
    found: dict[str, dict[str, Decimal]] = {}
    for column in kind.columns:
        if column.type is not FieldType.NUMBER or not column.summed:
            continue
        sums = found.setdefault(column.key, {})
        for line in lines:
            number = line.number(column.key)
            if number is not None:
                sums[line.unit(column.key)] = sums.get(line.unit(column.key), Decimal(0)) + number
    return found


def draft_figures(found: Summary) -> dict[str, list[FigureRow]]:
    """Key of the kind, or of the whole site -> what the draft comes to; what is ranked stands with its requirement."""
    rows: dict[str, list[FigureRow]] = {}
    for each in found.assessment.figures:
        if not each.indicator.breaks_by_line:
            rows.setdefault(each.kind, []).append(_figure(each))
    return rows


def draft_findings(found: Summary) -> list[DraftFinding]:
    """Every requirement held against the draft, those that it breaks first."""
    sections = {
        WHOLE_SITE.key: (WHOLE_SITE, ()),
        **{state.kind.key: (state.kind, state.lines) for state in found.sections},
    }
    day = found.sections[0].section.report.period.ends_on
    rows = [_finding(each, *sections[each.requirement.kind], day) for each in found.assessment.judgements]
    return sorted(rows, key=lambda row: labels.GRAVEST_FIRST.index(row.finding.result))


def _figure(figure: ComputedFigure) -> FigureRow:
    tally = figure.tally
    return FigureRow(figure.indicator, tally.value, tally.unit, _editions(figure.factors), tally.reason or NOTHING)


def _stored_figure(figure: Figure, indicator: Indicator) -> FigureRow:
    value = None if figure.numerator is None else indicator.value(figure.numerator, figure.denominator)
    why_not = Text.load(figure.unknown) if figure.unknown else NOTHING
    return FigureRow(indicator, value, figure.unit, _editions(figure.factors), why_not)


def _editions(used: Sequence[str]) -> Text:
    """The editions that these factors come from; a factor's id begins with the key of its edition."""
    keys = {factor.partition("/")[0] for factor in used}
    titles = [edition.title for edition in factors.editions() if edition.key in keys]
    return Text("; ".join(title.nb for title in titles), "; ".join(title.en for title in titles))


def _finding(judgement: Judgement, kind: Kind, lines: Sequence[Line], day: date) -> DraftFinding:
    kind = stretches.describing(kind, judgement.requirement)
    indicator = kind.indicator(judgement.requirement.indicator)
    named = [
        kind.line_name(line, place)
        for place, line in enumerate(lines, start=1)
        if indicator.breaks_by_line and line.key in judgement.lines
    ]
    return DraftFinding(
        judgement,
        indicator.title,
        figures.threshold_in_words(kind, judgement.requirement, day),
        judgement.shown,
        judgement.sentence,
        named,
    )


def frozen(revision: Revision, kinds: Mapping[str, Kind]) -> Frozen:
    """What a revision says, and what followed from it."""
    lines, files = drafts.frozen_lines(revision), evidence.of_revision(revision)
    return Frozen(
        sections=[
            _frozen_section(revision, kind, lines.get(kind.key, []), files) for kind in kinds.values() if kind.fields
        ],
        whole_site=_stored_figures(revision, kinds[WHOLE_SITE.key]),
        findings=review_views.shown_findings(revision, kinds),
        basis=review_views.basis_of(revision),
    )


def revision_tag(report: Report, revision: Revision) -> Tag:
    """What became of a signed revision, in a word or two."""
    if revision.withdrawal is not None:
        return labels.REVISION["withdrawn"]
    if revision.number == report.accepted_number:
        return labels.REVISION["in_force"]
    return labels.REVISION[revision.review.decision.value if revision.review else ""]


def _frozen_section(
    revision: Revision, kind: Kind, lines: list[Line], files: Mapping[evidence.Place, Sequence[Evidence]]
) -> FrozenSection:
    return FrozenSection(
        kind,
        lines,
        totals(kind, lines),
        revision.answers[kind.key],
        _stored_figures(revision, kind),
        {(str(place.line), place.field): found for place, found in files.items() if place.kind == kind.key},
    )


def _stored_figures(revision: Revision, kind: Kind) -> list[FigureRow]:
    return [
        _stored_figure(figure, kind.indicator(figure.indicator))
        for figure in revision.figures
        if figure.kind == kind.key and not kind.indicator(figure.indicator).breaks_by_line
    ]
