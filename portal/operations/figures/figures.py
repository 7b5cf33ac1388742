"""From lines to figures to findings: each indicator computed once, each requirement held against it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from portal import calendars, forecasts
from portal.calendars import Period
from portal.factors import Basis
from portal.kinds import carriers, site
from portal.kinds.base import Indicator, Kind, Line, Measure, Problem, Setting, Tally
from portal.model import Comparison, FindingResult, PeriodPurpose, Report, Requirement
from portal.operations.contracts import contract_days, contracts, limits, scopes
from portal.operations.figures import stretches
from portal.operations.figures.stretches import Counted
from portal.quantities import shown
from portal.text import LANGUAGES, Text, same

SENTENCE = {
    Comparison.AT_LEAST: Text(
        "{title} er {figure}. Kravet i punkt {clause} er minst {threshold}.",
        "{title} is {figure}. Clause {clause} asks for at least {threshold}.",
    ),
    Comparison.AT_MOST: Text(
        "{title} er {figure}. Kravet i punkt {clause} er høyst {threshold}.",
        "{title} is {figure}. Clause {clause} allows at most {threshold}.",
    ),
}
UNKNOWN_SENTENCE = Text(
    "{title} kan ikke beregnes: {reason} Kravet i punkt {clause} er derfor ikke vurdert.",
    "{title} cannot be computed: {reason} Clause {clause} is therefore not judged.",
)
RANKED_SENTENCE = Text(
    "{title}: {figure}. Kravet i punkt {clause} er {threshold} eller bedre.",
    "{title}: {figure}. Clause {clause} asks for {threshold} or better.",
)
LINES_BELOW = Text("{count} av {all} linjer er under {threshold}", "{count} of {all} lines are below {threshold}")
LINES_ABOVE = Text("{count} av {all} linjer er over {threshold}", "{count} of {all} lines are above {threshold}")
NO_REASON = Text("grunnlaget mangler.", "there is no basis for it.")
PROMISED = Text(
    "{promised} er lovet i tilbudet, og er strengere enn kontraktens {agreed}.",
    "{promised} was promised in the bid, and is stricter than the contract's {agreed}.",
)
TOLERATED = Text("Kontrakten tåler et avvik på {tolerance}.", "The contract tolerates a miss of {tolerance}.")
SO_FAR = Text("{days} så langt: {sentence}", "{days} so far: {sentence}")
REST_AT_LEAST = Text(
    "Fram til {end} må resten bli minst {figure} om det skal nås.",
    "Until {end} the rest must be at least {figure} to reach it.",
)
REST_AT_MOST = Text("Fram til {end} kan resten bli høyst {figure}.", "Until {end} the rest may be at most {figure}.")
AT_THIS_PACE = Text("I samme takt blir det {figure} {end}.", "At this pace it comes to {figure} on {end}.")
OUT_OF_REACH = Text(
    "Det kan ikke nås før {end} i samme takt. Det vurderes først da.",
    "It cannot be reached by {end} at this pace. It is judged only then.",
)
NO_DAYS_LEFT = Text("Det vurderes når {end} er godkjent.", "It is judged when {end} is approved.")
NONE_YET = Text("Ingen brudd så langt. Det vurderes {end}.", "No breach so far. It is judged on {end}.")
SOME_ALREADY = Text(
    "Linjer bryter kravet alt nå. Det vurderes {end}.", "Lines break it already. It is judged on {end}."
)


@dataclass(frozen=True)
class ComputedFigure:
    """One indicator of one kind, as additive numerator and denominator."""

    kind: str
    indicator: Indicator
    tally: Tally
    factors: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """How one requirement comes out, in words and with the lines behind it."""

    requirement: Requirement
    result: FindingResult
    value: Decimal | None
    unit: str
    shown: Text
    sentence: Text
    lines: tuple[str, ...] = ()
    """The lines that break it, or that hold the figure where it is; none when it is met."""
    breaches: int = 0
    """How many breaches that is: each line where lines break it one by one, else one."""


@dataclass(frozen=True)
class Assessment:
    """Everything that follows from a report's lines."""

    basis: tuple[Text, ...]
    measures: Mapping[str, Mapping[str, Sequence[Measure]]]
    """Kind -> line key -> measures."""
    figures: tuple[ComputedFigure, ...]
    judgements: tuple[Judgement, ...]
    problems: Mapping[str, tuple[Problem, ...]]
    """Kind -> what its rules say."""

    @property
    def broken(self) -> tuple[Judgement, ...]:
        """The requirements that these figures break."""
        return tuple(judgement for judgement in self.judgements if judgement.result == FindingResult.BROKEN)

    def count(self, severity: str) -> int:
        """How many remarks of one severity the rules made."""
        return sum(problem.severity == severity for found in self.problems.values() for problem in found)


def assess(
    report: Report, lines: Mapping[str, Sequence[Line]], history: Sequence[Mapping[str, Sequence[Line]]]
) -> Assessment:
    """Compute every indicator and judge every requirement in force, from lines that have been read without error.

    Args:
        report: the report, whose pins decide kinds, factors and basis.
        lines: kind -> lines of this period; a kind that nobody has answered yet is not in it.
        history: kind -> lines, of each period before, newest first, for comparison.
    """
    counting = counted_in(report)
    reported = {key: kind for key, kind in counting.items() if key != site.KEY}
    settings = _settings(report, reported, lines, history)
    measures = {key: kind.measure(lines.get(key, ()), settings[key]) for key, kind in reported.items()}
    every = {site.KEY: site.counted(measures), **measures}
    return Assessment(
        basis=(*basis_of(report).sentences(), *carriers.counted_in_words(report.pins["counted"])),
        measures=measures,
        figures=tuple(
            _figure(kind, indicator, every[key]) for key, kind in counting.items() for indicator in kind.indicators
        ),
        judgements=tuple(
            _judged(duty, report, counting[duty.kind], _counted(duty.kind, lines, every))
            for duty in report.contract.requirements_on(contract_days.day_of(report))
            if duty.kind in counting
        ),
        problems={key: kind.check(lines.get(key, ()), settings[key]) for key, kind in reported.items()},
    )


def _counted(
    key: str, lines: Mapping[str, Sequence[Line]], measures: Mapping[str, Mapping[str, Sequence[Measure]]]
) -> Counted:
    """A kind's lines beside their measures. Those of the whole site stand for lines of every kind."""
    own = [Line(each, {}) for each in measures[key]] if key == site.KEY else lines.get(key, ())
    return Counted({line.key: line for line in own}, measures[key])


def counted_in(report: Report) -> dict[str, Kind]:
    """Key -> kind, of all that a report's figures are computed for. The whole site is of regular reports only."""
    is_regular = report.period.purpose == PeriodPurpose.REGULAR
    return {key: kind for key, kind in contracts.counting_kinds(report).items() if is_regular or key != site.KEY}


def _settings(
    report: Report,
    reported: Mapping[str, Kind],
    lines: Mapping[str, Sequence[Line]],
    history: Sequence[Mapping[str, Sequence[Line]]],
) -> dict[str, Setting]:
    basis, units = basis_of(report), contracts.units_in(report)
    before = history[0] if history else {}
    is_account = report.period.purpose == PeriodPurpose.ACCOUNT
    accepted = stretches.accepted_amounts(report.contract) if is_account else None
    return {
        key: Setting(
            starts_on=report.period.starts_on,
            ends_on=report.period.ends_on,
            basis=basis,
            previous=tuple(before.get(key, ())),
            older=tuple(tuple(earlier.get(key, ())) for earlier in history[1:]),
            others=_others(reported, lines, key),
            counted=report.pins["counted"],
            units=units,
            accepted=accepted,
        )
        for key in reported
    }


def _others(reported: Mapping[str, Kind], lines: Mapping[str, Sequence[Line]], own: str) -> dict[str, Sequence[Line]]:
    """Where energy is told from -> the lines of the kinds, but for one's own, that tell it from there."""
    found: dict[str, Sequence[Line]] = {}
    for key, kind in reported.items():
        if key != own and kind.tells and key in lines:
            found[kind.tells] = [*found.get(kind.tells, ()), *lines.get(key, ())]
    return found


def basis_of(report: Report) -> Basis:
    """What the figures of this report rest on, from its pins."""
    return Basis.load(report.pins["basis"])


def _figure(kind: Kind, indicator: Indicator, measures: Mapping[str, Sequence[Measure]]) -> ComputedFigure:
    used = {
        measure.factor
        for found in measures.values()
        for measure in found
        if measure.factor and measure.key == indicator.measure
    }
    return ComputedFigure(kind.key, indicator, kind.figure(indicator.key, measures), tuple(sorted(used)))


def _judged(duty: Requirement, report: Report, kind: Kind, counted: Counted) -> Judgement:
    """How a requirement comes out for a report: by itself, or as far as its window has come with this report in it."""
    day = contract_days.day_of(report)
    if not stretches.knows(kind, duty.indicator):
        return judgement(duty, stretches.describing(kind, duty), _unknown(duty), day)
    span = stretches.span_at(duty, day)
    if span is not None:
        return _so_far(duty, report, kind, counted, span)
    sorting = scopes.sort(duty, report, kind, counted.lines.values())
    own = {key: found for key, found in counted.measures.items() if key in sorting.inside}
    indicator, binding = kind.indicator(duty.indicator), limits.on(duty, kind, day)
    tally = kind.figure(duty.indicator, own, limits.typed(indicator, binding.threshold))
    if sorting.unclear:
        tally = replace(tally, value=None, reason=scopes.UNCLEAR.with_values(count=len(sorting.unclear)))
    return judgement(duty, kind, tally, day, behind=stretches.lines_behind(duty, indicator, tally, own))


def _so_far(duty: Requirement, report: Report, kind: Kind, counted: Counted, span: Period) -> Judgement:
    """What the window comes to with the approved reports of other periods and this one: no breach before it ends."""
    day = span.ends_on
    binding = limits.on(duty, kind, day)
    others = [each for each in stretches.reports_in(report.contract, span) if each.id != report.id]
    total = stretches.total(duty, others, binding.threshold)
    stretches.add_report(total, duty, report, counted, binding.threshold)
    found = judgement(duty, kind, total.tally, day)
    if found.result == FindingResult.UNKNOWN:
        return found
    outlook = forecast(duty, kind, total, day, stretches.expected_days(duty, span))
    result = FindingResult.ON_COURSE if outlook.is_on_course else FindingResult.BEHIND
    sentence = SO_FAR.with_values(days=calendars.period_name(span), sentence=found.sentence)
    sentence = _sentences(sentence, outlook_in_words(duty, outlook, total.indicator, span))
    return replace(found, result=result, sentence=sentence, lines=(), breaches=0)


def _unknown(duty: Requirement) -> Tally:
    unit = stretches.described(duty).unit
    return Tally(None, Decimal(0), None, (), unit, stretches.OLDER_FORM)


def judgement(duty: Requirement, kind: Kind, tally: Tally, day: date, *, behind: Sequence[str] = ()) -> Judgement:
    """A figure held against what binds on a day, in words.

    Args:
        duty: the requirement.
        kind: the kind that describes its indicator.
        tally: the figure; a minimum or maximum must have been computed with the threshold that binds.
        day: the last day of the period or window.
        behind: the lines that break it, or that hold the figure where it is.
    """
    indicator, binding = kind.indicator(duty.indicator), limits.on(duty, kind, day)
    words = {"title": indicator.title, "clause": same(duty.clause), "threshold": threshold_in_words(kind, duty, day)}
    met = limits.met(duty, indicator, tally, binding.threshold)
    if tally.value is None or met is None:
        sentence = UNKNOWN_SENTENCE.with_values(**words, reason=tally.reason or NO_REASON)
        sentence = _sentences(sentence, *_terms(kind, duty, binding))
        return Judgement(duty, FindingResult.UNKNOWN, None, tally.unit, same("–"), sentence)
    figure = (
        _ranked_figure(duty, tally, words["threshold"])
        if indicator.choices_of
        else with_unit(tally.value, tally.unit, Decimal(binding.threshold))
    )
    wording = RANKED_SENTENCE if indicator.choices_of else SENTENCE[duty.comparison]
    sentence = _sentences(wording.with_values(**words, figure=figure), *_terms(kind, duty, binding))
    if met:
        return Judgement(duty, FindingResult.MET, tally.value, tally.unit, figure, sentence)
    lines = tuple(behind)
    breaches = int(tally.numerator) if indicator.breaks_by_line else 1
    return Judgement(duty, FindingResult.BROKEN, tally.value, tally.unit, figure, sentence, lines, breaches)


def forecast(duty: Requirement, kind: Kind, total: stretches.Total, day: date, days: int) -> forecasts.Outlook:
    """How a window stands whose reports so far come to `total`; `days` of reporting it has from first to last."""
    binding, indicator = limits.on(duty, kind, day), total.indicator
    if indicator.breaks_by_line:
        return forecasts.Outlook(total.numerator == 0, can_be_met=total.numerator == 0)
    limit, covered = limits.limit(duty, binding.threshold), max(total.days, 1)
    if total.denominator:
        return forecasts.of_share(total.numerator, total.denominator, limit, covered, max(days, covered))
    return forecasts.of_sum(total.numerator, limit, covered, max(days, covered))


def outlook_in_words(duty: Requirement, outlook: forecasts.Outlook, indicator: Indicator, span: Period) -> Text:
    """What is left to reach before a window closes, in a sentence."""
    end = calendars.day_name(span.ends_on)
    if indicator.breaks_by_line:
        return (NONE_YET if outlook.is_on_course else SOME_ALREADY).with_values(end=end)
    if not outlook.can_be_met:
        return OUT_OF_REACH.with_values(end=end)
    if outlook.at_end is not None:
        return AT_THIS_PACE.with_values(figure=with_unit(outlook.at_end, indicator.unit), end=end)
    if outlook.rest is None:
        return NO_DAYS_LEFT.with_values(end=end)
    wording = REST_AT_LEAST if duty.comparison == Comparison.AT_LEAST else REST_AT_MOST
    return wording.with_values(figure=with_unit(outlook.rest, indicator.unit), end=end)


def _terms(kind: Kind, duty: Requirement, binding: limits.Binding) -> Iterator[Text]:
    """What else was agreed, where something was: the scope, the bid's promise, the tolerance."""
    about = scopes.in_words(duty)
    if about is not None:
        yield about
    indicator = kind.indicator(duty.indicator)
    if binding.is_promised:
        agreed = limit_in_words(kind, indicator, binding.agreed)
        yield PROMISED.with_values(promised=limit_in_words(kind, indicator, binding.threshold), agreed=agreed)
    if duty.tolerance and Decimal(duty.tolerance):
        yield TOLERATED.with_values(tolerance=exactly(Decimal(duty.tolerance), indicator.unit))


def _sentences(*parts: Text) -> Text:
    return Text(" ".join(part.nb for part in parts), " ".join(part.en for part in parts))


def _ranked_figure(duty: Requirement, tally: Tally, threshold: Text) -> Text:
    wording = LINES_BELOW if duty.comparison == Comparison.AT_LEAST else LINES_ABOVE
    return wording.with_values(count=int(tally.numerator), all=int(tally.denominator or 0), threshold=threshold)


def threshold_in_words(kind: Kind, duty: Requirement, day: date | None = None) -> Text:
    """What binds for what ends on a day as people say it: «20 %», «steg IIIB»; no day: what the contract began with."""
    binding = limits.on(duty, kind, stretches.binding_day(duty, day) if day else duty.valid_from)
    return limit_in_words(kind, kind.indicator(duty.indicator), binding.threshold)


def limit_in_words(kind: Kind, indicator: Indicator, threshold: str) -> Text:
    """A threshold as people say it, every decimal of it."""
    if indicator.choices_of:
        choice = kind.column(indicator.choices_of).choice(threshold)
        return choice.label if choice else same(threshold)
    return exactly(Decimal(threshold), indicator.unit)


def exactly(value: Decimal, unit: str) -> Text:
    """A number with its unit as it was agreed, every decimal of it."""
    return Text(*(f"{shown(value, language)}\u00a0{unit}".rstrip() for language in LANGUAGES))


def with_unit(value: Decimal, unit: str, limit: Decimal | None = None) -> Text:
    """A number with its unit, as each language writes it, to one decimal where it is long.

    With more where rounding would put it on the other side of `limit`: 19.96 % is not «20 %» beside «at least 20 %».
    """
    rounded = value
    for decimals in ("1", "0.1", "0.01", "0.001", "0.000001"):
        rounded = value.quantize(Decimal(decimals))
        if (rounded == value or decimals != "1") and (limit is None or (rounded < limit) == (value < limit)):
            break
    return Text(*(f"{shown(rounded, language)}\u00a0{unit}".rstrip() for language in LANGUAGES))
