"""What a broken requirement is judged by after a case's days: the periods or windows to come, and what waits there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from portal.extensions import db
from portal.model import (
    Contract,
    Deviation,
    Finding,
    FindingResult,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    ReportState,
    Revision,
)
from portal.operations.cases import breach_days
from portal.operations.cases.breach_days import Ends
from portal.operations.contracts import contract_days
from portal.operations.figures import windows
from portal.operations.figures.windows import Following


@dataclass(frozen=True)
class Judged:
    """What a contract's accepted figures say of some requirements, asked for at once, however many cases there are."""

    book: windows.Book
    results: Mapping[tuple[int, int], str]
    """Number of the revision in force, of the requirement -> how it came out."""

    @classmethod
    def of(cls, contract: Contract, cases: Sequence[Deviation]) -> "Judged":
        """Ask for it."""
        rows = (
            select(Finding.revision_id, Finding.requirement_id, Finding.result)
            .join(Revision, Finding.revision_id == Revision.id)
            .join(Report, Revision.report_id == Report.id)
            .where(Report.contract_id == contract.id, Revision.number == Report.accepted_number)
        )
        found = db.session.execute(rows.where(Finding.requirement_id.in_({each.requirement_id for each in cases})))
        return cls(windows.Book.of(contract), {(row[0], row[1]): row[2] for row in found})

    def following(self, deviation: Deviation) -> Following | None:
        """The next days on which the requirement of a case is judged; None when there are none."""
        return next(self._later(deviation), None)

    def bounding(self, deviation: Deviation) -> tuple[date, Following] | None:
        """What bounds a case's breach, whatever lies unjudged before it, with the last day that it leaves; or None.

        The first later days that meet the requirement leave those before them. The first that break it are a case of
        their own, which has the days after theirs. Running windows all begin on the first day: the last day before one
        is that of the window before it.
        """
        until = breach_days.judged_until(deviation)
        for each in self._later(deviation):
            if each.result == FindingResult.MET:
                return max(until, each.days.starts_on - timedelta(days=1)), each
            until = each.days.ends_on
            if each.result == FindingResult.BROKEN:
                return until, each
        return None

    def _later(self, deviation: Deviation) -> Iterator[Following]:
        """The days after a case's on which its requirement is judged, in their order.

        A report that reaches beyond the day on which the requirement ended does not judge it.
        """
        duty, contract = deviation.requirement, deviation.contract
        if deviation.window is not None:
            yield from windows.later(self.book, duty, breach_days.judged_until(deviation))
            return
        after, until = deviation.report.period.ends_on, duty.valid_to or date.max
        found = [Following(each, None) for each in self.book.missing]
        for each in self.book.reports:
            result = self.results.get((each.revision_id or 0, deviation.requirement_id), FindingResult.UNKNOWN)
            found.append(Following(each.days, result if each.revision_id else None))
        counted = (each for each in found if contract_days.counted_on(contract, each.days.ends_on) <= until)
        yield from sorted((each for each in counted if each.days.starts_on > after), key=lambda each: each.days)


def to_review(deviation: Deviation) -> Report | None:
    """The first signed report that waits for the buyer's review where a case is judged after its days; None without.

    Asked where a person noted a day after those that were judged. What the report shows may end the breach before that
    day: the order in which the buyer does its work is not to set an amount. So it is of what is judged next, where any
    report of a window may turn the result, and of a later report that begins by the noted day: that one may bound it
    (`Judged.bounding`). What is decided already stands.
    """
    is_decided = deviation.sanction is not None and deviation.sanction.decided_at is not None
    ends, until = Ends.of(deviation), breach_days.judged_until(deviation)
    if ends.person is None or ends.last is None or ends.last.on <= until or is_decided:
        return None
    waiting = _with_the_buyer(deviation.contract_id, until)
    if not waiting:
        return None
    judged = Judged.of(deviation.contract, [deviation])
    following = judged.following(deviation)
    inside = {each.report_id for each in judged.book.inside(following.days)} if following else set()
    asked_until = deviation.requirement.valid_to or date.max
    within = {
        each.id
        for each in waiting
        if until < each.period.starts_on <= ends.last.on and contract_days.day_of(each) <= asked_until
    }
    return next((each for each in waiting if each.id in inside | within), None)


def _with_the_buyer(contract_id: int, until: date) -> list[Report]:
    """The signed regular reports that end after a day, oldest first: running windows hold those before it as well."""
    rows = (
        select(Report)
        .join(ReportingPeriod, Report.period_id == ReportingPeriod.id)
        .where(Report.contract_id == contract_id, Report.state == ReportState.SUBMITTED)
        .where(ReportingPeriod.purpose == PeriodPurpose.REGULAR, ReportingPeriod.ends_on > until)
        .order_by(ReportingPeriod.starts_on)
    )
    return list(db.session.scalars(rows).unique())
