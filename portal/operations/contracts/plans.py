"""What an approved plan foresees, noted on the contract, so that pages can hold what was used against it."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from portal.extensions import db
from portal.kinds import energy_plan, site
from portal.model import FigureOrigin, PeriodPurpose, PlannedFigure, Report, Revision, record
from portal.model.base import Json
from portal.operations.contracts import contracts
from portal.quantities import canonical, rounded
from portal.text import Text

SOURCE = Text("planen, revisjon {number}", "plan, revision {number}")


class Foreseen(NamedTuple):
    """A figure that the plan gives: of which kind and indicator, how much, in which unit."""

    kind: str
    indicator: str
    amount: Decimal
    unit: str


def note(report: Report, revision: Revision) -> None:
    """Note what the plan says, when it is one that has just been approved. An amended plan takes the place of itself.

    What the amended plan no longer gives is taken away: a figure without its document is nobody's promise. What people
    have entered is theirs, and stays beside it.
    """
    if report.period.purpose != PeriodPurpose.PLAN:
        return
    contract = report.contract
    known = {(row.kind, row.indicator): row for row in contract.planned if row.report_id == report.id}
    foreseen = {(each.kind, each.indicator): each for each in _foreseen(report, revision)}
    before, gone = _said(known.values()), [row for place, row in known.items() if place not in foreseen]
    removed = _said(gone)
    for row in gone:
        contract.planned.remove(row)
        db.session.delete(row)
    source = SOURCE.with_values(number=revision.number).nb
    for place, each in foreseen.items():
        row = known.get(place) or PlannedFigure(**contract.parties, origin=FigureOrigin.PLAN, report_id=report.id)
        row.kind, row.indicator, row.amount, row.unit, row.source = *each, source
        if place not in known:
            contract.planned.append(row)
    db.session.flush()
    figures = _said(foreseen.values())
    record(report, "plan.noted", by=None, revision=revision.number, figures=figures, before=before, removed=removed)


def _said(figures: Iterable[Foreseen | PlannedFigure]) -> Json:
    """Figures as the trail has them."""
    return {f"{each.kind}/{each.indicator}": [canonical(each.amount), each.unit] for each in figures}


def _foreseen(report: Report, revision: Revision) -> Iterator[Foreseen]:
    """The figures of the plan that are known, each under the figure of the whole site that it foresees."""
    kinds = contracts.counting_kinds(report)
    for figure in revision.figures:
        if figure.kind != energy_plan.KIND.key or figure.numerator is None:
            continue
        value = kinds[figure.kind].indicator(figure.indicator).value(figure.numerator, figure.denominator)
        foreseen = energy_plan.FORESEES.get(figure.indicator)
        if value is not None:
            place = (site.KEY, foreseen) if foreseen else (figure.kind, figure.indicator)
            yield Foreseen(*place, rounded(value), figure.unit)
