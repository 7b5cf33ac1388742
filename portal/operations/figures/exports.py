"""Approved reports as a workbook: a summary of requirements, a sheet of figures, and a sheet for each kind's lines."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy.orm import selectinload

from portal import permissions
from portal.extensions import db
from portal.kinds.base import FieldType, Indicator, Kind
from portal.model import Contract, Figure, Finding, Membership, Report, ReportingPeriod, Revision
from portal.operations.contracts import contract_days, contracts
from portal.operations.figures import figures, stretches
from portal.sheets.export import Column, Properties, Sheet, Value, write_workbook
from portal.text import Text, same

SUMMARY, FIGURES = Text("Sammendrag", "Summary"), Text("Nøkkeltall", "Figures")
DEFINITIONS = Text("Definisjoner", "Definitions")
NOTHING = same("")
HIDDEN = "\u2588 hidden"
"""Stands where a value is not to be told; known by being this very object, whatever anybody types."""
TITLE = Text("Godkjente rapporter", "Approved reports")
RESULT = {
    "met": Text("oppfylt", "met"),
    "broken": Text("brutt", "broken"),
    "unknown": Text("ikke vurdert", "not judged"),
    "on_course": Text("i rute", "on course"),
    "behind": Text("ligger etter", "behind"),
}
HEADINGS = {
    "contract": Text("Kontrakt", "Contract"),
    "supplier": Text("Leverandør", "Supplier"),
    "period": Text("Periode", "Period"),
    "revision": Text("Revisjon", "Revision"),
    "clause": Text("Punkt", "Clause"),
    "requirement": Text("Krav", "Requirement"),
    "figure": Text("Tall", "Figure"),
    "unit": Text("Enhet", "Unit"),
    "threshold": Text("Terskel", "Threshold"),
    "result": Text("Resultat", "Result"),
    "edition": Text("Faktorutgave", "Factor edition"),
    "basis": Text("Grunnlag", "Basis"),
    "numerator": Text("Teller", "Numerator"),
    "denominator": Text("Nevner", "Denominator"),
    "factors": Text("Faktorer", "Factors"),
    "share": Text("Andel", "Share"),
    "over": Text("Teller", "Numerator"),
    "under": Text("Nevner", "Denominator"),
    "case": Text("Tilfelle", "Case"),
    "counts": Text("Slik teller det", "How it counts"),
}


class Accepted(NamedTuple):
    """One approved report, with the kinds it was filled in by."""

    report: Report
    revision: Revision
    kinds: dict[str, Kind]
    hidden: Mapping[str, frozenset[str]] = MappingProxyType({})
    """Key of a kind -> the columns whose values are not to be told: `HIDDEN` stands in their place."""


def workbook(
    by: Membership,
    language: str,
    *,
    contract: uuid.UUID | None = None,
    first: date | None = None,
    last: date | None = None,
) -> bytes:
    """The approved reports that `by` may see, of one contract or all, in the periods from `first` to `last`.

    Every number has its unit and basis in columns of their own; nothing anybody typed becomes a formula.
    """
    reports = accepted(by, contract=contract, first=first, last=last)
    return write_workbook(sheets(reports, language), Properties(title=TITLE.to(language)))


def accepted(
    by: Membership, *, contract: uuid.UUID | None = None, first: date | None = None, last: date | None = None
) -> list[Accepted]:
    """The approved reports that `by` may see, of one contract or all, newest first."""
    return _accepted(_approved(by, contract, first, last))


def sheets(reports: Sequence[Accepted], language: str) -> list[Sheet]:
    """What is told of approved reports: the summary, the figures, the lines of each kind and the definitions."""
    found = [
        Sheet(SUMMARY.to(language), _columns(language, *_SUMMARY), _summary(reports, language)),
        Sheet(FIGURES.to(language), _columns(language, *_FIGURES), _figures(reports, language)),
    ]
    for key in dict.fromkeys(key for each in reports for key, kind in each.kinds.items() if kind.fields):
        with_kind = [each for each in reports if key in each.kinds]
        newest = with_kind[0].kinds[key]
        title = newest.title.to(language)
        found.append(Sheet(title, _kind_columns(newest, language), _lines(with_kind, newest, language)))
    if reports:
        found.append(
            Sheet(DEFINITIONS.to(language), _columns(language, *_DEFINITIONS), _definitions(reports, language))
        )
    return found


_WHERE = ("contract", "supplier", "period", "revision")
_SUMMARY = (*_WHERE, "clause", "requirement", "figure", "unit", "threshold", "result", "edition", "basis")
_FIGURES = (*_WHERE, "requirement", "figure", "unit", "numerator", "denominator", "factors", "basis")
_DEFINITIONS = ("share", "over", "under", "case", "counts")
_NUMBERS = frozenset({"figure", "numerator", "denominator", "revision"})


def _approved(by: Membership, contract: uuid.UUID | None, first: date | None, last: date | None) -> Sequence[Report]:
    rows = (
        permissions.visible(Report, by)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .join(Contract, Report.contract_id == Contract.id)
        .where(Report.accepted_number.is_not(None))
        .order_by(ReportingPeriod.starts_on.desc(), Contract.reference)
        .options(
            *(
                selectinload(Report.revisions).selectinload(part)
                for part in (Revision.lines, Revision.figures, Revision.findings)
            )
        )
    )
    if contract:
        rows = rows.where(Contract.public_id == contract)
    if first:
        rows = rows.where(ReportingPeriod.ends_on >= first)
    if last:
        rows = rows.where(ReportingPeriod.starts_on <= last)
    return db.session.scalars(rows).unique().all()


def _columns(language: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(HEADINGS[name].to(language), "number" if name in _NUMBERS else "text") for name in names)


def _where(report: Report, revision: Revision) -> tuple[Value, ...]:
    period = f"{report.period.starts_on:%Y-%m}"
    return (
        f"{report.contract.reference} {report.contract.title}",
        report.contract.supplier.name,
        period,
        revision.number,
    )


def _accepted(reports: Sequence[Report]) -> list[Accepted]:
    return [
        Accepted(report, report.accepted, contracts.counting_kinds(report))
        for report in reports
        if report.accepted is not None
    ]


def _summary(reports: Sequence[Accepted], language: str) -> Iterator[Sequence[Value]]:
    for each in reports:
        for finding in each.revision.findings:
            yield (*_where(each.report, each.revision), *_finding(each, finding, language))


def _finding(each: Accepted, finding: Finding, language: str) -> tuple[Value, ...]:
    report, revision, kinds, _hidden = each
    duty = finding.requirement
    kind = stretches.describing(kinds[duty.kind], duty)
    value = finding.figure["value"]
    return (
        duty.clause,
        kind.indicator(duty.indicator).title.to(language),
        Decimal(value) if value is not None else None,
        finding.figure["unit"],
        figures.threshold_in_words(kind, duty, contract_days.day_of(report)).to(language),
        RESULT[finding.result].to(language),
        figures.basis_of(report).fuel.title.to(language),
        _basis(revision.figures[0] if revision.figures else None, language),
    )


def _figures(reports: Sequence[Accepted], language: str) -> Iterator[Sequence[Value]]:
    for report, revision, kinds, _hidden in reports:
        for figure in revision.figures:
            kind = kinds[figure.kind]
            indicator = kind.indicator(figure.indicator)
            yield (
                *_where(report, revision),
                f"{kind.title.to(language)}: {indicator.title.to(language)}",
                _value(figure, indicator),
                figure.unit,
                figure.numerator,
                figure.denominator,
                ", ".join(figure.factors),
                _basis(figure, language),
            )


def _definitions(reports: Sequence[Accepted], language: str) -> Iterator[Sequence[Value]]:
    """The written definition of every share in the workbook, a row for each case that people dispute."""
    told = set()
    for kind in (kind for each in reports for kind in each.kinds.values()):
        for indicator in kind.indicators:
            definition = indicator.definition
            if definition is None or (kind.key, indicator.key) in told:
                continue
            told.add((kind.key, indicator.key))
            name = f"{kind.title.to(language)}: {indicator.title.to(language)}"
            shares = (definition.numerator.to(language), definition.denominator.to(language))
            for about, counts in definition.cases or ((NOTHING, NOTHING),):
                yield (name, *shares, about.to(language), counts.to(language))


def _value(figure: Figure, indicator: Indicator) -> Decimal | None:
    """The indicator's value from its additive parts, a share rounded to two decimals."""
    value = None if figure.numerator is None else indicator.value(figure.numerator, figure.denominator)
    return value.quantize(Decimal("0.01")) if value is not None and indicator.aggregate == "share" else value


def _basis(figure: Figure | None, language: str) -> str:
    return " ".join(Text.load(sentence).to(language) for sentence in figure.basis) if figure else ""


def _kind_columns(kind: Kind, language: str) -> tuple[Column, ...]:
    place = _columns(language, *_WHERE)
    own: list[Column] = []
    for column in kind.columns:
        type_ = {FieldType.NUMBER: "number", FieldType.DATE: "date"}.get(column.type, "text")
        own.append(Column(column.label.to(language), type_))  # type: ignore[arg-type]
        if column.type == FieldType.NUMBER:
            own.append(Column(HEADINGS["unit"].to(language)))
    return (*place, *own)


def _lines(reports: Sequence[Accepted], newest: Kind, language: str) -> Iterator[Sequence[Value]]:
    for report, revision, kinds, hidden in reports:
        kind, untold = kinds[newest.key], hidden.get(newest.key, frozenset())
        for line in revision.lines_of(newest.key):
            cells: list[Value] = []
            for column in newest.columns:
                known = column.key in {own.key for own in kind.columns}
                value = _cell(kind, column.key, line.values, language) if known else None
                is_untold = column.key in untold and value not in {None, ""}
                cells.append(HIDDEN if is_untold else value)
                if column.type == FieldType.NUMBER:
                    cells.append(line.values.get(column.key, {}).get("unit", ""))
            yield (*_where(report, revision), *cells)


def _cell(kind: Kind, key: str, values: dict[str, dict[str, str]], language: str) -> Value:
    if kind.column(key).type in {FieldType.NUMBER, FieldType.DATE}:
        return kind.typed(values)[key]
    return kind.display(key, values, language)
