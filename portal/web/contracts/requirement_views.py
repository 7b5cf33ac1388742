"""A contract's requirements as people read them: what is asked for, of what, until when, and how it stands."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from portal import calendars, clock
from portal.kinds import starters
from portal.model import REPORTING_DUTY, AssessmentWindow, Contract, FindingResult, Requirement
from portal.operations.contracts import scopes
from portal.operations.figures import figures, windows
from portal.operations.figures.windows import Standing
from portal.text import Text
from portal.web.contracts import requirement_forms

DAYS = Text("{days} dager", "{days} days")
STEP = Text("{limit} fra {day}", "{limit} from {day}")
OF_KIND = Text("{kind}: {title}", "{kind}: {title}")


class Closed(NamedTuple):
    """A window that was judged."""

    days: Text
    result: FindingResult
    shown: Text
    sentence: Text


class ShownRequirement(NamedTuple):
    """One requirement, and how it stands; `standing` is none of what only says when to file something."""

    requirement: Requirement
    title: Text
    means: Text
    limit: Text | None
    steps: Sequence[Text]
    about: Text | None
    promised: Text | None
    tolerance: Text | None
    standing: Standing | None
    open_days: Text | None
    """The days of the window that is open."""
    closed: Sequence[Closed]
    is_in_force: bool


def shown(contract: Contract) -> list[ShownRequirement]:
    """Every requirement of a contract, those in force or to come first."""
    today = clock.today(contract.time_zone)
    rows = [_shown(duty, today) for duty in contract.requirements]
    return sorted(rows, key=lambda row: (not row.is_in_force, row.requirement.clause, row.requirement.id))


def of(duty: Requirement) -> ShownRequirement:
    """One requirement."""
    return _shown(duty, clock.today(duty.contract.time_zone))


def _shown(duty: Requirement, today: date) -> ShownRequirement:
    is_in_force = duty.valid_to is None or duty.valid_to >= today
    kind, indicator = requirement_forms.about(duty.kind, duty.indicator)
    if kind is None or indicator is None:
        return _to_file(duty, is_in_force=is_in_force)
    standing = windows.standing(duty)
    steps = [
        STEP.with_values(
            limit=figures.limit_in_words(kind, indicator, step["threshold"]),
            day=calendars.day_name(date.fromisoformat(step["from"])),
        )
        for step in duty.steps or []
    ]
    return ShownRequirement(
        duty,
        OF_KIND.with_values(kind=kind.title, title=indicator.title),
        indicator.sentence,
        figures.limit_in_words(kind, indicator, duty.threshold),
        steps,
        scopes.in_words(duty),
        figures.limit_in_words(kind, indicator, duty.promised) if duty.promised else None,
        figures.limit_in_words(kind, indicator, duty.tolerance) if duty.tolerance else None,
        standing,
        calendars.period_name(standing.so_far.span) if standing.so_far else None,
        [_closed(row) for row in standing.judged],
        is_in_force,
    )


def _to_file(duty: Requirement, *, is_in_force: bool) -> ShownRequirement:
    offer = next(each for each in starters.OFFERS if each.indicator == duty.indicator)
    limit = None if duty.indicator == REPORTING_DUTY else DAYS.with_values(days=duty.threshold)
    return ShownRequirement(duty, offer.title, offer.means, limit, (), None, None, None, None, None, (), is_in_force)


def _closed(row: AssessmentWindow) -> Closed:
    return Closed(
        calendars.period_name(calendars.Period(row.starts_on, row.ends_on)),
        FindingResult(row.result),
        Text.load(row.figure["shown"]),
        Text.load(row.figure["sentence"]),
    )
