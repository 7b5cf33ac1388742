"""Whether an amount that is proposed is still the one that the clause gives: a decision is made on what holds then.

The case may be assessed anew, and so may what it is multiplied with change: the clause's rate, the base with its change
orders, the days that lay with the buyer. The sheet is therefore made once more before a decision, for the very day it
was made on, so that time passing alone changes nothing.
"""

from datetime import date

from portal import amounts
from portal.amounts import Sheet
from portal.errors import Refused
from portal.model import Sanction, SanctionState
from portal.operations import calculations
from portal.operations.calculations import Change
from portal.text import Text

_UNDECIDED = frozenset({SanctionState.PROPOSED, SanctionState.SENT_BACK})

WHAT_AMOUNT = Text("Beløpet som bestemmelsen gir", "The amount that the clause gives")
WHAT_SHEET = Text("Beregningen", "The calculation")
AS_PROPOSED = Text("slik den er foreslått", "as it is proposed")
OTHER_LINES = Text("samme beløp av andre satser, grunnlag eller dager", "same amount from other rates, base or days")
NOTHING_NOW = Text("kan ikke beregnes", "cannot be computed")


def sheet(sanction: Sanction, *, on: date) -> Sheet:
    """The calculation of a proposal at its step, made on a day, less what is waived.

    Raises:
        Refused: the clause lacks what it is computed from.
        ValueError: more is waived than the clause gives.
    """
    found = calculations.sheet(sanction.deviation, sanction.clause, step=sanction.step, on=on)
    if not sanction.waived:
        return found
    return amounts.less_waived(found, sanction.waived, sanction.waiver_reason, sanction.currency)


def is_outdated(sanction: Sanction) -> bool:
    """Whether the case, its clause, its base or the days say otherwise than when the amount was calculated."""
    return calculations.is_stale(sanction) or bool(_sheet_changes(sanction))


def changes(sanction: Sanction) -> list[Change]:
    """What is otherwise than when the amount was calculated, in words."""
    of_case = calculations.changes(sanction) if calculations.is_stale(sanction) else []
    step = calculations.step_change(sanction)
    return [*of_case, *_sheet_changes(sanction), *([step] if step else [])]


def _sheet_changes(sanction: Sanction) -> list[Change]:
    made_on = sanction.found.get("on")
    if made_on is None or sanction.state not in _UNDECIDED:  # from before the day was kept, or settled
        return []
    before = amounts.with_currency(calculations.gross(sanction), sanction.currency)
    try:
        now = sheet(sanction, on=date.fromisoformat(made_on))
    except (Refused, ValueError):
        return [Change(WHAT_AMOUNT, before, _gross_now(sanction, date.fromisoformat(made_on)))]
    if now.amount != sanction.amount or now.days != sanction.days:
        gross = amounts.with_currency(now.amount + sanction.waived, sanction.currency)
        return [Change(WHAT_AMOUNT, before, gross)]
    kept = [(row["value"], row["unit"]) for row in sanction.calculation]
    is_same = kept == [(row.value, row.unit) for row in now.rows]
    return [] if is_same else [Change(WHAT_SHEET, AS_PROPOSED, OTHER_LINES)]


def _gross_now(sanction: Sanction, on: date) -> Text:
    try:
        found = calculations.sheet(sanction.deviation, sanction.clause, step=sanction.step, on=on)
    except Refused:
        return NOTHING_NOW
    return amounts.with_currency(found.amount, sanction.currency)
