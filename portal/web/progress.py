"""A process and its trail in few words: what was done, where it stands, what may come, who did what when."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext as _

from portal.model import AuditEvent, Person
from portal.web.events import EVENT
from portal.web.process_views import Standing
from portal.workflow import Step


class Told(NamedTuple):
    """One line of a timeline, as the macro of that name takes it. `state` is "done", "now" or "next"."""

    what: str
    state: str
    at: datetime | None = None
    who: str = ""
    note: str = ""
    url: str = ""
    link: str = ""


def way(standing: Standing) -> list[Told]:
    """The steps of a process for people: those done, the one it stands at, those that lie ahead.

    The portal's own steps are told only where the process waits in one. What was passed by on another branch is left
    out, and of the ends only the one that was reached.
    """
    here = _here(standing.steps)
    end = _end(standing)
    told = []
    for place, step in enumerate(standing.steps):
        if place == here:
            told.append(_now(step))
        elif step.kind == "userTask" and here is not None and place > here:
            told.append(Told(step.name, "next", note=_("%(role)s, may follow", role=step.lane)))
        elif step.state == "done" and (step.kind in {"userTask", "startEvent"} or place == end):
            told.append(Told(step.name, "done", note=step.lane if step.kind == "userTask" else ""))
    return told


def events(trail: Sequence[tuple[AuditEvent, Person | None]]) -> list[Told]:
    """What happened, newest first, with who did it and why."""
    return [
        Told(
            str(EVENT.get(event.action, event.action)),
            "done",
            at=event.at,
            who=person.name if person else _("The portal"),
            note=event.reason,
        )
        for event, person in reversed(trail)
    ]


def _now(step: Step) -> Told:
    if step.kind == "userTask":
        return Told(step.name, "now", note=step.lane)
    return Told(_("Waits for: %(step)s", step=step.name), "now")


def _here(steps: Sequence[Step]) -> int | None:
    """Where a person is waited for; if nobody is, the first thing that the portal waits for; None at the end."""
    people = [place for place, step in enumerate(steps) if step.state == "active" and step.kind == "userTask"]
    portal = [place for place, step in enumerate(steps) if step.state in {"active", "waiting"}]
    return next(iter(people + portal), None)


def _end(standing: Standing) -> int | None:
    reached = [place for place, step in enumerate(standing.steps) if step.kind == "endEvent" and step.state == "done"]
    return reached[-1] if standing.ended and reached else None
