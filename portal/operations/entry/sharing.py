"""One tank or charger that several machines used: its amount divided over their lines by hours, and marked as such."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from portal.errors import Invalid
from portal.kinds import sharing
from portal.kinds.base import Field, FieldType, Kind, Line, Problem
from portal.model import Membership, Report
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine, SectionState
from portal.quantities import for_input
from portal.text import Text

CHOOSE_MACHINES = Text(
    "Velg minst én linje som bruker {carrier} og har timer.",
    "Choose at least one line that uses {carrier} and has hours.",
)


def divides(kind: Kind) -> bool:
    """Whether lines of this kind have hours to divide by, and an amount of a carrier to divide."""
    return {"carrier", "hours", "amount"} <= {field.key for field in kind.fields}


def lines_with_hours(report: Report, kind: Kind) -> list[Line]:
    """The draft's lines that a tank can be divided over, as far as they can be read."""
    readings = [(line.key, kind.read(line.raw).values) for line in report.section(kind.key).lines]
    lines = [Line(str(key), values) for key, values in readings]
    return [line for line in lines if line.text("carrier") and line.number("hours")]


def share(  # noqa: PLR0913 - what is divided, and over whom
    report: Report, kind_key: str, *, carrier: str, amount: str, over: Sequence[UUID], by: Membership, version: int
) -> SectionState:
    """Divide an amount of a carrier over the chosen lines that use it, by hours. Raises Invalid with the field."""
    kind = contracts.kind_of(report, kind_key)
    chosen = {str(key) for key in over}
    hours = {
        line.key: line.number("hours") or Decimal(0)
        for line in lines_with_hours(report, kind)
        if line.text("carrier") == carrier and line.key in chosen
    }
    what = kind.column("carrier").parse(carrier)
    if isinstance(what, Problem) or what is None:
        problem = what or Problem("required", CHOOSE_MACHINES.with_values(carrier=""), "carrier")
        raise Invalid(problem.text, (problem,))
    total = _total(kind).parse(amount)
    if isinstance(total, Problem):
        raise Invalid(total.text, (total,))
    if not isinstance(total, Decimal):
        raise TypeError("A number field reads as a number.")
    if not hours:
        words = CHOOSE_MACHINES.with_values(carrier=kind.words("carrier", {"carrier": {"value": carrier}}))
        raise Invalid(words, (Problem("required", words, "over"),))
    shares = sharing.shared(total, hours)
    lines = [
        RawLine(
            line.key,
            {**line.raw, "amount": for_input(shares[str(line.key)], "nb"), "amount_source": sharing.ALLOCATED}
            if str(line.key) in shares
            else line.raw,
        )
        for line in report.section(kind_key).lines
    ]
    return drafts.save(report, kind_key, lines, by=by, version=version)


def _total(kind: Kind) -> Field:
    column = kind.column("amount")
    return Field("total", column.label, FieldType.NUMBER, minimum=column.minimum, maximum=column.maximum)
