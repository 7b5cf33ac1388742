"""What a breach costs by the arithmetic of its clause, line by line, so that a person can do it again by hand.

One rule for rounding: every amount that a sheet shows is in whole hundredths of the currency, halves to the even
neighbour (as `portal.quantities.rounded` does for what is stored: over many amounts it favours neither party), and
what follows is computed from the rounded amount. So the sheet always adds up by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import groupby
from typing import NamedTuple

from portal import calendars
from portal.calendars import Counting, Period
from portal.quantities import canonical, shown
from portal.text import LANGUAGES, Text, same

_HUNDREDTH = Decimal("0.01")
LARGEST = Decimal(999_999_999_999)
"""No amount of money is larger, entered or calculated: what the database adds up of them stays within its 64 bits."""

CLAUSE = Text("Sanksjonsbestemmelse", "Sanction clause")
WARNING = Text(
    "Skriftlig advarsel: første brudd, bestemmelsen krever advarsel først",
    "Written warning: first breach, the clause asks for a warning first",
)
FEE = Text("Gebyr per brudd", "Fee per breach")
FEE_SINCE = Text("Gebyr per brudd, satsen fra {day}", "Fee per breach, the rate from {day}")
PERIODS_BROKEN, LINES_BROKEN = (
    Text("Antall brudd: perioden teller som ett", "Number of breaches: the period counts as one"),
    Text("Antall brudd: hver linje i brudd teller", "Number of breaches: each line in breach counts"),
)
NOT_NOTIFIED = Text(
    "– av {found} i tallene som gjelder nå; bare det som varselet sa, regnes med",
    "– of {found} in the figures in force now; only what the notice said is counted",
)
POINTS_DROPPED = Text(
    "– i tillegg linjer med frafalt punkt, som ikke regnes med", "– besides lines whose point was dropped, not counted"
)
FEE_AMOUNT = Text("Beløp = gebyr × antall brudd", "Amount = fee × number of breaches")
DAYS_IN_ALL = Text(
    "Dager fra og med {first} ({why_first}) til og med {last} ({why_last})",
    "Days from {first} ({why_first}) to {last} ({why_last}), both included",
)
NO_DAYS = Text(
    "Dager: {why_last}, {last}, kommer før første dag som kan telle, {first} ({why_first})",
    "Days: {why_last}, {last}, is before the first day that can count, {first} ({why_first})",
)
AWAY = Text(
    "– hvorav hos oppdragsgiveren, som ikke teller: {stretches}", "– of these with the buyer, not counted: {stretches}"
)
PAUSED = Text(
    "– hvorav kontrakten sto i pause, som ikke teller: {stretches}",
    "– of these the contract was paused, not counted: {stretches}",
)
DAYS_OFF = Text(
    "– hvorav lørdager, søndager og helligdager, som ikke teller",
    "– of these Saturdays, Sundays and public holidays, not counted",
)
GRACE = Text(
    "– hvorav de første, som etter bestemmelsen ikke koster noe ({days})",
    "– of these the first ones, which cost nothing under the clause ({days})",
)
OVER_CAP = Text(
    "– hvorav etter det høyeste antallet dager ({days})", "– of these after the highest number of days ({days})"
)
DAYS_LEFT = Text("Dager med dagmulkt", "Days with a daily amount")
BASE = Text("{stretch}: grunnlag, {name}", "{stretch}: base, {name}")
RATE = Text("{stretch}: sats", "{stretch}: rate")
LEAST = Text("{stretch}: minste beløp per dag", "{stretch}: least amount per day")
PER_DAY = Text("{stretch}: beløp per dag = grunnlag × sats", "{stretch}: amount per day = base × rate")
PER_DAY_LEAST = Text(
    "{stretch}: beløp per dag = minste beløp, for grunnlag × sats gir bare {less}",
    "{stretch}: amount per day = the least amount, for base × rate gives only {less}",
)
DAYS_OF_STRETCH = Text("{stretch}: antall dager", "{stretch}: number of days")
STRETCH_AMOUNT = Text("{stretch}: beløp per dag × antall dager", "{stretch}: amount per day × number of days")
SUM = Text("Sum", "Sum")
CAP = Text("Høyeste beløp: {percent} % av grunnlaget {base}", "Highest amount: {percent} % of the base {base}")
AMOUNT, CAPPED = Text("Beløp", "Amount"), Text("Beløp = høyeste beløp", "Amount = the highest amount")
HELD = Text("Beløp = det høyeste som portalen kan holde", "Amount = the highest that the portal can hold")
WAIVED = Text("Frafalt: {reason}", "Waived: {reason}")
LEFT = Text("Beløp som kreves = beløp − frafalt", "Amount asked for = amount − waived")


class Step(NamedTuple):
    """An amount that holds from a day until the next one begins."""

    from_on: date
    amount: Decimal


class Row(NamedTuple):
    """One line of a sheet: what it is, its value as a plain number or a clause's number, and its unit."""

    text: Text
    value: str
    unit: str = ""

    def dump(self) -> dict[str, object]:
        """As it is stored with the sanction."""
        return {"text": self.text.dump(), "value": self.value, "unit": self.unit}


class Sheet(NamedTuple):
    """A calculation: its lines, what it comes to, and for a daily amount how many days cost something."""

    rows: tuple[Row, ...]
    amount: Decimal
    days: int | None = None


@dataclass(frozen=True)
class Fee:
    """A clause that asks for an amount per breach."""

    clause: str
    currency: str
    rates: Sequence[Step]
    by_line: bool = False

    def counted(self, breaches: int) -> int:
        """How many times the fee is due for so many breaches in one period."""
        return breaches if self.by_line else min(breaches, 1)


@dataclass(frozen=True)
class Daily:
    """A clause that asks for an amount per day: per mille of a base, with its limits."""

    clause: str
    currency: str
    per_mille: Sequence[Step]
    base: Sequence[Step]
    base_name: Text
    grace_days: int = 0
    counting: Counting = Counting.CALENDAR
    country: str = "NO"
    least_per_day: Decimal | None = None
    cap_days: int | None = None
    cap_percent: Decimal | None = None

    def per_day(self, day: date) -> Decimal:
        """What one day costs."""
        return max(self.by_rate(day), whole(self.least_per_day or Decimal(0)))

    def by_rate(self, day: date) -> Decimal:
        """What one day would cost if no least amount were agreed."""
        return whole(in_force(self.base, day).amount * in_force(self.per_mille, day).amount / 1000)

    def cap(self, day: date) -> Decimal | None:
        """The most it may come to when it ends on a day; None when no percentage is agreed."""
        if self.cap_percent is None:
            return None
        return whole(in_force(self.base, day).amount * self.cap_percent / 100)


@dataclass(frozen=True)
class Run:
    """The days of a breach: the first and the last that may count, and why these.

    `away`: days on which the buyer had it. `paused`: days on which nothing was to be done under the contract.
    """

    first: date
    last: date
    why_first: Text
    why_last: Text
    away: Sequence[Period] = ()
    paused: Sequence[Period] = ()


def whole(amount: Decimal) -> Decimal:
    """The one rule for rounding an amount of money: to hundredths, halves to the even neighbour."""
    return amount.quantize(_HUNDREDTH, ROUND_HALF_EVEN)


def in_force(steps: Sequence[Step], day: date) -> Step:
    """What holds on a day; the first one also before it. Raises ValueError when there is none."""
    if not steps:
        raise ValueError("no amount is agreed")
    ordered = sorted(steps)
    return next((step for step in reversed(ordered) if step.from_on <= day), ordered[0])


def warned(clause: str, currency: str) -> Sheet:
    """A first breach under a clause that asks for a warning first: it costs nothing."""
    return Sheet((Row(CLAUSE, clause), Row(WARNING, "0", currency)), Decimal(0))


def fee(  # noqa: PLR0913 - how many breaches, and each reason why there are not more
    terms: Fee, breaches: int, on: date, found: int | None = None, elsewhere: Text | None = None, *, dropped: int = 0
) -> Sheet:
    """So many breaches at the fee in force on a day.

    `found` is how many the figures show, where that is more than was notified: those beyond it cost nothing.
    `elsewhere` says in which other case the same breach is counted, where it is: then it is not counted here.
    `dropped` is how many of the breaches are lines that the supplier was told of and then nobody holds against it.
    """
    rate, count = in_force(terms.rates, on), 0 if elsewhere else terms.counted(breaches - dropped)
    text = FEE if len(terms.rates) == 1 else FEE_SINCE.with_values(day=calendars.day_name(rate.from_on))
    amount = whole(rate.amount * count)
    rows = [
        Row(CLAUSE, terms.clause),
        Row(text, canonical(rate.amount), terms.currency),
        Row(elsewhere or (LINES_BROKEN if terms.by_line else PERIODS_BROKEN), str(count)),
    ]
    if found is not None and elsewhere is None and terms.counted(found) > terms.counted(breaches):
        rows.append(Row(NOT_NOTIFIED.with_values(found=found), str(terms.counted(breaches))))
    if dropped and elsewhere is None and terms.by_line:
        rows.append(Row(POINTS_DROPPED, str(dropped)))
    return _held(Sheet((*rows, Row(FEE_AMOUNT, canonical(amount), terms.currency)), amount), terms.currency)


def daily(terms: Daily, run: Run) -> Sheet:
    """What the days of a breach cost: which days count, what each costs, and the caps.

    In this order: days that the buyer had it, days of a pause and, where the clause counts working days, days off do
    not count; of those that do, the first `grace_days` cost nothing; of the rest no more than `cap_days` cost; the sum
    is no more than `cap_percent` of the base in force on the last day that costs.
    """
    costing, counted = _count(terms, run)
    rows = [Row(CLAUSE, terms.clause), *counted, Row(DAYS_LEFT, str(len(costing)))]
    total, stretches = Decimal(0), _stretches(terms, costing)
    for days in stretches:
        amount, lines = _stretch(terms, days)
        rows, total = [*rows, *lines], total + amount
    if len(stretches) > 1:
        rows.append(_money(SUM, total, terms))
    cap = terms.cap(costing[-1]) if costing else None
    if cap is not None:
        base = with_currency(in_force(terms.base, costing[-1]).amount, terms.currency)
        rows.append(_money(CAP.with_values(percent=_number(terms.cap_percent or Decimal(0)), base=base), cap, terms))
    is_capped = cap is not None and total > cap
    amount = cap if cap is not None and is_capped else total
    rows.append(_money(CAPPED if is_capped else AMOUNT, amount, terms))
    return _held(Sheet(tuple(rows), amount, len(costing)), terms.currency)


def _held(sheet: Sheet, currency: str) -> Sheet:
    """The sheet, or no more than can be kept: a slip in a rate is seen in the case, and stops nothing."""
    if sheet.amount <= LARGEST:
        return sheet
    return Sheet((*sheet.rows, Row(HELD, canonical(LARGEST), currency)), LARGEST, sheet.days)


def less_waived(sheet: Sheet, waived: Decimal, reason: str, currency: str) -> Sheet:
    """The sheet with what is not asked for as a line of its own. Raises ValueError for more than there is."""
    if not 0 < waived <= sheet.amount:
        raise ValueError(f"{waived} cannot be waived of {sheet.amount}")
    left = sheet.amount - waived
    rows = (
        Row(WAIVED.with_values(reason=same(reason)), canonical(waived), currency),
        Row(LEFT, canonical(left), currency),
    )
    return Sheet((*sheet.rows, *rows), left, sheet.days)


def with_currency(amount: Decimal, currency: str) -> Text:
    """An amount as each language writes it: «20 000 NOK»."""
    number = _number(amount)
    return Text(f"{number.nb}\u00a0{currency}", f"{number.en}\u00a0{currency}")


# -- which days -----------------------------------------------------------------------------------------------------


def _count(terms: Daily, run: Run) -> tuple[list[date], list[Row]]:
    """The days that cost something, and the lines that say how they were found."""
    every = list(_days(Period(run.first, run.last)))
    with_buyer = _days_in(run.away, run)
    paused = _days_in(run.paused, run) - with_buyer
    counted = [day for day in every if day not in with_buyer | paused]
    working = [day for day in counted if calendars.is_working_day(day, terms.country)]
    rows = [_span(run, len(every))]
    for text, days in ((AWAY, with_buyer), (PAUSED, paused)):
        if days:
            rows.append(Row(text.with_values(stretches=_named(_joined(sorted(days)))), str(len(days))))
    if terms.counting == Counting.WORKING:
        rows.append(Row(DAYS_OFF, str(len(counted) - len(working))))
        counted = working
    costing = counted[terms.grace_days :]
    if terms.grace_days:
        rows.append(Row(GRACE.with_values(days=terms.grace_days), str(len(counted) - len(costing))))
    if terms.cap_days is not None and len(costing) > terms.cap_days:
        rows.append(Row(OVER_CAP.with_values(days=terms.cap_days), str(len(costing) - terms.cap_days)))
        costing = costing[: terms.cap_days]
    return costing, rows


def _span(run: Run, days: int) -> Row:
    text = (DAYS_IN_ALL if days else NO_DAYS).with_values(
        first=calendars.day_name(run.first),
        last=calendars.day_name(run.last),
        why_first=run.why_first,
        why_last=run.why_last,
    )
    return Row(text, str(days))


def _days(stretch: Period) -> Iterator[date]:
    return (stretch.starts_on + timedelta(days=n) for n in range(max(stretch.days, 0)))


def _days_in(stretches: Sequence[Period], run: Run) -> set[date]:
    return {day for stretch in stretches for day in _days(_within(stretch, run))}


def _within(stretch: Period, run: Run) -> Period:
    return Period(max(stretch.starts_on, run.first), min(stretch.ends_on, run.last))


def _joined(days: Sequence[date]) -> list[Period]:
    """Days in order as stretches without a gap."""
    found: list[Period] = []
    for day in days:
        if found and (day - found[-1].ends_on).days == 1:
            found[-1] = Period(found[-1].starts_on, day)
        else:
            found.append(Period(day, day))
    return found


def _named(stretches: Sequence[Period]) -> Text:
    names = [calendars.period_name(each) for each in stretches]
    return Text(", ".join(each.nb for each in names), ", ".join(each.en for each in names))


# -- what they cost -------------------------------------------------------------------------------------------------


def _stretches(terms: Daily, costing: Sequence[date]) -> list[list[date]]:
    """The days that cost, split where the rate or the base changes."""
    steps = groupby(costing, lambda day: (in_force(terms.per_mille, day), in_force(terms.base, day)))
    return [list(days) for _steps, days in steps]


def _stretch(terms: Daily, days: Sequence[date]) -> tuple[Decimal, list[Row]]:
    first = days[0]
    base, rate = in_force(terms.base, first).amount, in_force(terms.per_mille, first).amount
    per_day, amount = terms.per_day(first), terms.per_day(first) * len(days)
    stretch = calendars.period_name(Period(first, days[-1]))
    rows = [
        _money(BASE.with_values(stretch=stretch, name=terms.base_name), base, terms),
        Row(RATE.with_values(stretch=stretch), canonical(rate), "‰"),
    ]
    by_rate = terms.by_rate(first)
    text = PER_DAY.with_values(stretch=stretch)
    if per_day > by_rate:
        rows.append(_money(LEAST.with_values(stretch=stretch), per_day, terms))
        text = PER_DAY_LEAST.with_values(stretch=stretch, less=with_currency(by_rate, terms.currency))
    rows += [
        _money(text, per_day, terms),
        Row(DAYS_OF_STRETCH.with_values(stretch=stretch), str(len(days))),
        _money(STRETCH_AMOUNT.with_values(stretch=stretch), amount, terms),
    ]
    return amount, rows


def _money(text: Text, amount: Decimal, terms: Daily) -> Row:
    return Row(text, canonical(amount), terms.currency)


def _number(value: Decimal) -> Text:
    return Text(*(shown(value, language) for language in LANGUAGES))
