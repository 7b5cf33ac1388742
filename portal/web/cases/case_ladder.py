"""The ladder of a case: what the contract lets follow a breach, step by step with its clause, and where it stands."""

from collections.abc import Iterator

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.errors import Refused
from portal.model import ClauseForm, Deviation, DeviationState, Sanction, SanctionClause
from portal.operations.cases import calculations, grounds, notices, told
from portal.quantities import shown
from portal.web import labels
from portal.web.languages import current_language
from portal.web.progress import Told
from portal.web.words import short_day

_PLACE = {
    DeviationState.FOUND: 0,
    DeviationState.NOTIFIED: 0,
    DeviationState.AWAITING_REPLY: 1,
    DeviationState.ASSESSING_REPLY: 2,
    DeviationState.SANCTION_PROPOSED: 3,
}
"""State -> the rung that the case stands on; an ended case stands on none."""


def ladder(deviation: Deviation, state: DeviationState, sanction: Sanction | None) -> list[Told]:
    """The rungs from notice to sanction. `state` and `sanction` are what the reader may know of."""
    here = _PLACE.get(state)
    reached = _reached(deviation, sanction)
    told = []
    for place, (what, note) in enumerate([_notice(deviation), _reply(deviation), _assessment(), *_costs(deviation)]):
        is_cost = place > 2  # noqa: PLR2004 - the three rungs that every case has
        if here is not None and place == min(here, 3) and (not is_cost or sanction is not None):
            standing = "now"
        else:
            standing = "done" if place < (here if here is not None else reached) else "next"
        told.append(Told(what, standing, note=note))
    return told


def _reached(deviation: Deviation, sanction: Sanction | None) -> int:
    """How far up an ended case came."""
    if sanction is not None and sanction.decided_at is not None:
        return 4
    if not deviation.notices:
        return 0
    return 3 if any(point.weighings for point in deviation.points) else 1


def _notice(deviation: Deviation) -> tuple[str, str]:
    note = _("Clause %(clause)s.", clause=deviation.clause)
    days = deviation.contract.notice_working_days
    if days is not None:
        note += " " + ngettext(
            "To be given within %(num)d working day of knowing.",
            "To be given within %(num)d working days of knowing.",
            days,
        )
    return _("Notice of breach"), note


def _reply(deviation: Deviation) -> tuple[str, str]:
    days = deviation.notices[-1].reply_working_days if deviation.notices else deviation.contract.reply_working_days
    note = ngettext("%(num)d working day.", "%(num)d working days.", days)
    if deviation.reply_due_at is not None:
        due = short_day(deviation.reply_due_at)
        extended = bool(notices.granted(deviation))
        note += " " + (_("Extended until %(due)s.", due=due) if extended else _("Until %(due)s.", due=due))
    return _("Time to reply and to put it right"), note


def _assessment() -> tuple[str, str]:
    return _("The reply is assessed"), _("Point by point, before anything is decided.")


def _costs(deviation: Deviation) -> Iterator[tuple[str, str]]:
    clause = told.clause_of(deviation)
    if clause is None:
        since = grounds.NO_CLAUSE_TOLD.to(current_language()) if grounds.lacked_clause(deviation) else ""
        yield _("No sanction"), since or _("The contract has no sanction clause for this requirement.")
        return
    if clause.warns_first:
        yield _("Written warning, the first time"), _("Clause %(clause)s.", clause=clause.clause)
    yield (
        _("Fee") if clause.form == ClauseForm.FEE else _("Daily amount"),
        _("Clause %(clause)s.", clause=clause.clause) + " " + _rate(deviation, clause),
    )


def _rate(deviation: Deviation, clause: SanctionClause) -> str:
    try:
        rate = shown(calculations.rate_of(deviation, clause), current_language())
    except Refused:  # no rate has been entered
        return ""
    if clause.form == ClauseForm.FEE:
        counts = labels.COUNTS[clause.counts]
        return f"{rate}\u00a0{deviation.contract.currency} {counts}."
    return str(_("%(rate)s per mille for each day.", rate=rate))
