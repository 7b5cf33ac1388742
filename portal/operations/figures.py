"""From lines to figures to findings: each indicator computed once, each requirement held against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.factors import Basis
from portal.kinds import carriers, site
from portal.kinds.base import Indicator, Kind, Line, Measure, Problem, Setting, Tally
from portal.model import Comparison, FindingResult, Report, Requirement
from portal.operations import contracts
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
    counting = contracts.counting_kinds(report)
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
            _judge(duty, counting[duty.kind], every[duty.kind])
            for duty in report.contract.requirements_on(report.period.ends_on)
            if duty.kind in counting
        ),
        problems={key: kind.check(lines.get(key, ()), settings[key]) for key, kind in reported.items()},
    )


def _settings(
    report: Report,
    reported: Mapping[str, Kind],
    lines: Mapping[str, Sequence[Line]],
    history: Sequence[Mapping[str, Sequence[Line]]],
) -> dict[str, Setting]:
    basis, units = basis_of(report), contracts.units_in(report)
    before = history[0] if history else {}
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


def _judge(duty: Requirement, kind: Kind, measures: Mapping[str, Sequence[Measure]]) -> Judgement:
    indicator = kind.indicator(duty.indicator)
    threshold: Decimal | str = duty.threshold if indicator.choices_of else Decimal(duty.threshold)
    tally = kind.figure(indicator.key, measures, threshold)
    met = indicator.met(tally, threshold, duty.comparison.value)
    words = {"title": indicator.title, "clause": same(duty.clause), "threshold": threshold_in_words(kind, duty)}
    if tally.value is None or met is None:
        sentence = UNKNOWN_SENTENCE.with_values(**words, reason=tally.reason or NO_REASON)
        return Judgement(duty, FindingResult.UNKNOWN, None, tally.unit, same("–"), sentence)
    figure = (
        _ranked_figure(duty, tally, words["threshold"])
        if isinstance(threshold, str)
        else with_unit(tally.value, tally.unit, threshold)
    )
    sentence = (RANKED_SENTENCE if indicator.choices_of else SENTENCE[duty.comparison]).with_values(
        **words, figure=figure
    )
    if met:
        return Judgement(duty, FindingResult.MET, tally.value, tally.unit, figure, sentence)
    lines = _lines_behind(duty, indicator, tally, measures)
    breaches = len(lines) if indicator.breaks_by_line else 1
    return Judgement(duty, FindingResult.BROKEN, tally.value, tally.unit, figure, sentence, lines, breaches)


def _lines_behind(
    duty: Requirement, indicator: Indicator, tally: Tally, measures: Mapping[str, Sequence[Measure]]
) -> tuple[str, ...]:
    """Of a share that is too low, the lines that are in the whole and not in the part; else those that were counted."""
    if indicator.breaks_by_line or duty.comparison == Comparison.AT_MOST:
        return tally.lines
    if indicator.aggregate != "share":
        return ()
    weighing = [
        key for key, own in measures.items() if any(each.key == indicator.measure and each.amount for each in own)
    ]
    return tuple(key for key in weighing if key not in tally.lines)


def _ranked_figure(duty: Requirement, tally: Tally, threshold: Text) -> Text:
    wording = LINES_BELOW if duty.comparison == Comparison.AT_LEAST else LINES_ABOVE
    return wording.with_values(count=int(tally.numerator), all=int(tally.denominator or 0), threshold=threshold)


def threshold_in_words(kind: Kind, duty: Requirement) -> Text:
    """A requirement's threshold as people say it: «20 %», «steg IIIB»."""
    indicator = kind.indicator(duty.indicator)
    if indicator.choices_of:
        choice = kind.column(indicator.choices_of).choice(duty.threshold)
        return choice.label if choice else same(duty.threshold)
    return with_unit(Decimal(duty.threshold), indicator.unit)


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
