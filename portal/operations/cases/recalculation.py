"""Whether an amount that is proposed is still the one that the clause gives: a decision is made on what holds then.

The case may be assessed anew, and so may what it is multiplied with change: the clause's rate, the base with its change
orders, the days that lay with the buyer. The sheet is therefore made once more before a decision, for the very day it
was made on, so that time passing alone changes nothing.
"""

import hashlib
import json
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portal import amounts, calendars
from portal.amounts import Sheet
from portal.errors import Refused
from portal.model import Deviation, Sanction, SanctionState
from portal.model.base import Json
from portal.operations.cases import calculations, ladder
from portal.text import Text, same

_UNDECIDED = frozenset({SanctionState.PROPOSED, SanctionState.SENT_BACK})

WHAT_AMOUNT = Text("Beløpet som bestemmelsen gir", "The amount that the clause gives")
WHAT_SHEET = Text("Beregningen", "The calculation")
AS_PROPOSED = Text("slik den er foreslått", "as it is proposed")
OTHER_LINES = Text("samme beløp av andre satser, grunnlag eller dager", "same amount from other rates, base or days")
NOTHING_NOW = Text("kan ikke beregnes", "cannot be computed")
WHAT_FIGURE, WHAT_BREACHES, WHAT_LATE, WHAT_CURED, WHAT_FOUND, WHAT_REVISION = (
    Text("Tallet som er vurdert", "The figure that was judged"),
    Text("Antall brudd", "Number of breaches"),
    Text("Forsinkelse", "Delay"),
    Text("Rettet", "Put right"),
    Text("Bruddet i tallene som gjelder", "The breach in the figures in force"),
    Text("Revisjon som er vurdert", "Revision that was judged"),
)
WHAT_STEP = Text("Trinnet, etter at et tidligere brudd er avgjort", "The step, since an earlier breach was decided")
NOT_YET = Text("ikke ennå", "not yet")
DAYS_LATE, ONE_DAY_LATE = Text("{days} dager", "{days} days"), Text("1 dag", "1 day")
LATE_THE_SAME_DAY = Text("samme dag, etter klokkeslettet", "the same day, after the time of day")
STILL_THERE, NO_LONGER = Text("vises", "is there"), Text("vises ikke lenger", "is no longer there")


class Change(NamedTuple):
    """One thing that the case says otherwise than when the amount was calculated."""

    what: Text
    before: Text
    now: Text


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
    return is_stale(sanction) or bool(_sheet_changes(sanction))


def changes(sanction: Sanction) -> list[Change]:
    """What is otherwise than when the amount was calculated, in words."""
    of_case = _case_changes(sanction) if is_stale(sanction) else []
    step = step_change(sanction)
    return [*of_case, *_sheet_changes(sanction), *([step] if step else [])]


def _sheet_changes(sanction: Sanction) -> list[Change]:
    made_on = sanction.found.get("on")
    if made_on is None or sanction.state not in _UNDECIDED:  # from before the day was kept, or settled
        return []
    before = amounts.with_currency(gross(sanction), sanction.currency)
    try:
        now = sheet(sanction, on=date.fromisoformat(made_on))
    except (Refused, ValueError):
        return [Change(WHAT_AMOUNT, before, _gross_now(sanction, date.fromisoformat(made_on)))]
    if now.amount != sanction.amount or now.days != sanction.days:
        return [Change(WHAT_AMOUNT, before, amounts.with_currency(now.amount + sanction.waived, sanction.currency))]
    kept = [(row["value"], row["unit"]) for row in sanction.calculation]
    is_same = kept == [(row.value, row.unit) for row in now.rows]
    return [] if is_same else [Change(WHAT_SHEET, AS_PROPOSED, OTHER_LINES)]


def _gross_now(sanction: Sanction, on: date) -> Text:
    try:
        found = calculations.sheet(sanction.deviation, sanction.clause, step=sanction.step, on=on)
    except Refused:
        return NOTHING_NOW
    return amounts.with_currency(found.amount, sanction.currency)


# -- what the case said -----------------------------------------------------------------------------------------------


def found(deviation: Deviation) -> Json:
    """What the case says, as far as an amount stands on it."""
    return {
        "cause": str(deviation.cause),
        "facts": deviation.facts,
        "late_by_days": deviation.late_by_days,
        "cured_on": deviation.cured_on.isoformat() if deviation.cured_on else None,
        "is_found": deviation.not_found_at is None,
    }


def digest(said: Json) -> str:
    """SHA-256 of `found`, in one canonical form."""
    plain = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def is_stale(sanction: Sanction) -> bool:
    """Whether the case was assessed anew since the amount was calculated. One without a digest is from before it."""
    return bool(sanction.found_hash) and sanction.found_hash != digest(found(sanction.deviation))


def _case_changes(sanction: Sanction) -> list[Change]:
    """What the case says otherwise than when the amount was calculated, in words."""
    before, now = _in_words(sanction.found), _in_words(found(sanction.deviation))
    return [
        Change(what, before.get(what, NOT_YET), now.get(what, NOT_YET))
        for what in (WHAT_FIGURE, WHAT_BREACHES, WHAT_LATE, WHAT_CURED, WHAT_FOUND, WHAT_REVISION)
        if before.get(what) != now.get(what)
    ]


def step_change(sanction: Sanction) -> Change | None:
    """The step that a proposal stands on, where it is another one now: an earlier breach was decided since."""
    if sanction.state not in {SanctionState.PROPOSED, SanctionState.SENT_BACK}:
        return None
    now = ladder.step_of(sanction.deviation, sanction.clause)
    return Change(WHAT_STEP, ladder.STEPS[sanction.step], ladder.STEPS[now]) if now != sanction.step else None


def _in_words(said: Json) -> dict[Text, Text]:
    facts = said.get("facts") or {}
    known = {WHAT_FOUND: STILL_THERE if said.get("is_found", True) else NO_LONGER}
    if facts.get("figure"):
        known[WHAT_FIGURE] = Text.load(facts["figure"]["shown"])
    if "breaches" in facts:
        known[WHAT_BREACHES] = same(str(facts["breaches"]))
    if "revision" in facts:
        known[WHAT_REVISION] = same(str(facts["revision"]))
    if said.get("late_by_days") is not None:
        known[WHAT_LATE] = _delay(int(said["late_by_days"]))
    if said.get("cured_on"):
        known[WHAT_CURED] = calendars.day_name(date.fromisoformat(said["cured_on"]))
    return known


def _delay(days: int) -> Text:
    if days > 1:
        return DAYS_LATE.with_values(days=days)
    return ONE_DAY_LATE if days else LATE_THE_SAME_DAY


def gross(sanction: Sanction) -> Decimal:
    """What the clause gives before anything is waived."""
    return (sanction.amount or Decimal(0)) + sanction.waived
