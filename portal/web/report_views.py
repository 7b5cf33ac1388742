"""What the supplier's pages of a report show: the parts and how far each has come, and what a draft would say."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal import factors
from portal.kinds import Indicator, Kind, Line, Problem
from portal.kinds.base import FieldType
from portal.model import Answer, FindingResult, Report, ReportState, Section
from portal.operations import drafts, figures, letters
from portal.operations.figures import ComputedFigure, Judgement
from portal.operations.reports import Summary
from portal.text import Text, same
from portal.web import review_views
from portal.web.kind_forms import place_of
from portal.web.labels import Tag
from portal.web.review_views import BY_LINE, ShownFigure, ShownFinding

NOTHING = same("")
_ORDER = (FindingResult.BROKEN, FindingResult.UNKNOWN, FindingResult.MET)


class Remark(NamedTuple):
    """What was found in the draft, in words, and where it is mended."""

    text: Text
    url: str
    severity: str


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

    @property
    def is_nothing(self) -> bool:
        """Whether the answer is that there is nothing to report."""
        return self.section.answer == Answer.NOTHING

    @property
    def warnings(self) -> list[Remark]:
        """What does not stop the report, and should be looked at once more."""
        return [remark for remark in self.remarks if remark.severity == "warning"]

    @property
    def errors(self) -> list[Remark]:
        """What stops the report."""
        return [remark for remark in self.remarks if remark.severity == "error"]


class DraftFigure(NamedTuple):
    """An indicator of the draft, with the editions it rests on."""

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
    """One kind's lines as they were signed, or the answer that there was nothing."""

    kind: Kind
    lines: list[Line]
    totals: Mapping[str, Mapping[str, Decimal]]
    answer: Mapping[str, str]


class Frozen(NamedTuple):
    """What the newest revision says, and what followed from it."""

    sections: list[FrozenSection]
    figures: list[ShownFigure]
    findings: list[ShownFinding]
    basis: list[Text]


def parts(report: Report, found: Summary) -> list[Part]:
    """Every section of the draft, in order."""
    return [
        _part(report, state.section, state.kind, [*state.problems, *found.assessment.problems[state.kind.key]])
        for state in found.sections
    ]


def _part(report: Report, section: Section, kind: Kind, problems: Sequence[Problem]) -> Part:
    url = url_for("reports.edit", public_id=report.public_id, key=kind.key)
    lines = [Line(str(line.key), kind.read(line.raw).values) for line in section.lines]
    places = {str(line.key): index for index, line in enumerate(section.lines)}
    remarks = [_remark(problem, kind, url, places, section) for problem in problems]
    return Part(section, kind, lines, totals(kind, lines), remarks, _status(report, section, remarks), url)


def _remark(problem: Problem, kind: Kind, url: str, places: Mapping[str, int], section: Section) -> Remark:
    index = places.get(problem.line)
    if index is None:
        return Remark(problem.text, url, problem.severity)
    words = problem.text
    if "@" not in problem.rule:
        # An extension function names the line itself; what is wrong with a single value does not.
        name = letters.line_name(kind, Line(problem.line, kind.read(section.lines[index].raw).values), index + 1)
        words = Text(f"{name.nb}: {words.nb}", f"{name.en}: {words.en}")
    return Remark(words, f"{url}#{place_of(index, problem)}", problem.severity)


def _status(report: Report, section: Section, remarks: Sequence[Remark]) -> Tag:
    """How far a part has come, in as few words as possible; colour only where something is wrong."""
    if report.state == ReportState.RETURNED and any(each.kind == section.kind for each in report.current_unlocks):
        return Tag(_("Open for correction"), "warning")
    if section.answer is None:
        return Tag(_("Not started"), "plain")
    errors = sum(remark.severity == "error" for remark in remarks)
    if errors:
        return Tag(ngettext("%(num)d error", "%(num)d errors", errors), "danger")
    return Tag(_("Nothing to report") if section.answer == Answer.NOTHING else _("Complete"), "plain")


def totals(kind: Kind, lines: Sequence[Line]) -> dict[str, dict[str, Decimal]]:
    """Column key -> unit -> sum over the lines. What differs in unit is never added."""
    found: dict[str, dict[str, Decimal]] = {}
    for column in kind.columns:
        if column.type is not FieldType.NUMBER:
            continue
        sums = found.setdefault(column.key, {})
        for line in lines:
            number = line.number(column.key)
            if number is not None:
                sums[line.unit(column.key)] = sums.get(line.unit(column.key), Decimal(0)) + number
    return found


def draft_figures(found: Summary) -> list[tuple[Kind, list[DraftFigure]]]:
    """What the draft comes to, kind by kind; the ranked figures stand with their requirements."""
    return [
        (state.kind, [_figure(each) for each in found.assessment.figures if _belongs(each, state.kind)])
        for state in found.sections
    ]


def draft_findings(found: Summary) -> list[DraftFinding]:
    """Every requirement held against the draft, those that it breaks first."""
    sections = {state.kind.key: (state.kind, state.lines) for state in found.sections}
    rows = [_finding(each, *sections[each.requirement.kind]) for each in found.assessment.judgements]
    return sorted(rows, key=lambda row: _ORDER.index(row.finding.result))


def _belongs(figure: ComputedFigure, kind: Kind) -> bool:
    return figure.kind == kind.key and figure.indicator.aggregate not in BY_LINE


def _figure(figure: ComputedFigure) -> DraftFigure:
    keys = dict.fromkeys(factor.partition("/")[0] for factor in figure.factors)
    titles = [edition.title for edition in factors.editions() if edition.key in keys]
    return DraftFigure(
        figure.indicator,
        figure.tally.value,
        figure.tally.unit,
        Text("; ".join(title.nb for title in titles), "; ".join(title.en for title in titles)),
        figure.tally.reason or NOTHING,
    )


def _finding(judgement: Judgement, kind: Kind, lines: Sequence[Line]) -> DraftFinding:
    indicator = kind.indicator(judgement.requirement.indicator)
    named = [
        letters.line_name(kind, line, place)
        for place, line in enumerate(lines, start=1)
        if indicator.aggregate in BY_LINE and line.key in judgement.lines
    ]
    return DraftFinding(
        judgement,
        indicator.title,
        figures.threshold_in_words(kind, judgement.requirement),
        judgement.shown,
        judgement.sentence,
        named,
    )


def frozen(report: Report, kinds: Mapping[str, Kind]) -> Frozen | None:
    """What the newest revision says; None while nothing has been signed."""
    revision = report.latest
    if revision is None:
        return None
    lines = drafts.frozen_lines(revision)
    return Frozen(
        sections=[
            FrozenSection(kind, lines.get(key, []), totals(kind, lines.get(key, [])), revision.answers[key])
            for key, kind in kinds.items()
        ],
        figures=review_views.shown_figures(revision, kinds),
        findings=review_views.shown_findings(revision, kinds),
        basis=review_views.basis_of(revision),
    )
