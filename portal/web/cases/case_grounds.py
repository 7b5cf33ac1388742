"""What a sanction in a case stands on, when its breach ended, and the form in which a person notes that."""

from typing import Any

from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import DateField, IntegerField, TextAreaField

from portal import calendars
from portal.model import Cause, ClauseForm, Deviation, Membership
from portal.model.cases import SETTLED
from portal.model.sanctions import IN_FORCE
from portal.operations.cases import breach_days, calculations, deviations, dropped_points, grounds, judged_next, told
from portal.permissions import Permission, allowed


class PutRightForm(FlaskForm):
    """The last day of a breach."""

    version = IntegerField()
    on = DateField(N_("Last day of the breach"))
    reason = TextAreaField(N_("How you know"))


def form(deviation: Deviation) -> PutRightForm:
    """The form as the buyer's person finds it."""
    return PutRightForm(None, prefix="put_right", version=deviation.version)


def shown(deviation: Deviation, by: Membership) -> dict[str, Any]:
    """For the page: the end of the breach, what the notice does not cover, and for the buyer the list of grounds.

    What was ticked of dropped points is a remark before the decision, and stands with the sanction after it.
    """
    is_open = deviation.state not in SETTLED and not deviations.is_settled(deviation)
    is_buyer = by.organisation_id == deviation.buyer_id
    sanction = deviation.sanction
    clause = sanction.clause if sanction else told.clause_of(deviation)
    is_daily = clause is not None and clause.form == ClauseForm.DAILY
    listed = grounds.of(deviation, clause) if is_buyer and is_open and clause else []
    dropped = dropped_points.still_charged(sanction) if is_buyer and is_open and sanction else None
    end, person = breach_days.end_of(deviation), breach_days.Ends.of(deviation).person
    is_breach = deviation.cause == Cause.REQUIREMENT_BROKEN
    lacks_end = clause is not None and calculations.lacks_end(deviation, clause)
    waits = judged_next.to_review(deviation) if lacks_end else None
    return {
        "before": deviations.before(deviation),
        "end": (calendars.day_name(end.on), end.why) if end else None,
        "end_noted": person if end and person and person.on == end.on else None,
        "no_clause_told": grounds.NO_CLAUSE_TOLD if grounds.lacked_clause(deviation) else None,
        "lacks_end": lacks_end,
        "to_review": waits.period.name if waits else None,
        "may_put_right": is_open and is_breach and is_daily and allowed(by, Permission.CASE_ASSESS),
        "beyond": grounds.beyond_notice(deviation) if is_open and not deviation.not_found_at else [],
        "grounds": listed,
        "dropped_charged": dropped,
        "ticked": dropped_points.ticked(sanction) if is_buyer and sanction and sanction.state in IN_FORCE else None,
        "asks_for_others": is_buyer and is_open and dropped_points.is_asked(deviation),
        "is_lacking": not all(each.holds for each in listed),
        "remarks": grounds.remarks(deviation) if is_buyer and is_open else [],
    }
