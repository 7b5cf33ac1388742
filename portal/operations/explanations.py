"""The reasons that warnings ask for: written beside the draft, demanded before a signature, frozen with it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from portal import permissions
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import Explanation, Membership, Report, ReportState, record
from portal.model.base import Json
from portal.operations.drafts import NOT_EDITABLE
from portal.permissions import Permission
from portal.text import Text

LONGEST = 2000
NEEDS_REASON = "reason"
"""The rule of a warning that nobody has given a reason for."""
TOO_LONG = "reason_too_long"

SAY_WHY = Text("Skriv en begrunnelse: {warning}", "Give a reason: {warning}")
SHORTEN = Text(
    "Begrunnelsen kan være høyst {most} tegn. Kort den ned.", "A reason can have at most {most} characters. Shorten it."
)


class Place(NamedTuple):
    """What a reason is about: the rule that warns, and where."""

    kind: str
    rule: str
    line: str
    field: str

    @property
    def name(self) -> str:
        """As one text, for the name of a field in a form; `load` reads it back."""
        return "/".join(self)

    @classmethod
    def load(cls, name: str) -> "Place | None":
        """Back from `name`; None when it is none."""
        parts = name.split("/")
        return cls(*parts) if len(parts) == len(cls._fields) else None


class Warned(NamedTuple):
    """A warning, and what has been said of it so far."""

    place: Place
    problem: Problem
    reason: str


Reasons = Mapping[Place, str]


def warned(report: Report, problems: Mapping[str, Sequence[Problem]]) -> list[Warned]:
    """The warnings among what the rules say (kind -> problems), each place once, with their reasons."""
    said = {_place(row): row.text for row in report.explanations}
    found: dict[Place, Warned] = {}
    for kind, own in problems.items():
        for problem in own:
            if problem.severity == "warning":
                place = Place(kind, problem.rule, problem.line, problem.field)
                found.setdefault(place, Warned(place, problem, said.get(place, "")))
    return list(found.values())


def keep(report: Report, reasons: Reasons, found: Sequence[Warned], *, by: Membership) -> None:
    """Store what was written about the warnings `found`, and about nothing else.

    What is unchanged is left alone; an empty text takes a reason back.

    Raises:
        Refused: the report is with the buyer, and nothing about it is written any more.
        Invalid: a text is too long.
    """
    permissions.demand(by, Permission.REPORT_EDIT)
    if not report.is_editable and report.state != ReportState.TO_SIGN:
        raise Refused(NOT_EDITABLE)
    known = {_place(row): row for row in report.explanations}
    texts = {each.place: _plain(reasons[each.place]) for each in found if each.place in reasons}
    changed = {place: text for place, text in texts.items() if text != (known[place].text if place in known else "")}
    _demand_short(changed)
    for place, text in changed.items():
        if place in known:
            known[place].text, known[place].written_by_id = text, by.person_id
        else:
            report.explanations.append(_row(report, place, text, by))
    if changed:
        record(report, "report.explained", by=by, warnings=sorted(place.name for place in changed))
        db.session.flush()


def lacking(found: Sequence[Warned]) -> list[Problem]:
    """For each warning without a reason, the problem that stops the signature."""
    return [
        Problem(NEEDS_REASON, SAY_WHY.with_values(warning=each.problem.text), each.place.field, each.place.line)
        for each in found
        if not each.reason
    ]


def frozen(found: Sequence[Warned]) -> list[Json]:
    """The reasons as they are signed."""
    return [{**each.place._asdict(), "text": each.reason} for each in found]


def signed(reasons: Sequence[Json]) -> dict[Place, str]:
    """Back from `frozen`."""
    return {Place(**{name: each[name] for name in Place._fields}): each["text"] for each in reasons}


def _demand_short(texts: Reasons) -> None:
    words = SHORTEN.with_values(most=LONGEST)
    too_long = [place for place, text in texts.items() if len(text) > LONGEST]
    if too_long:
        raise Invalid(words, tuple(Problem(TOO_LONG, words, place.field, place.line) for place in too_long))


def _place(row: Explanation) -> Place:
    return Place(row.kind, row.rule, row.line_key, row.field)


def _row(report: Report, place: Place, text: str, by: Membership) -> Explanation:
    return Explanation(
        **report.parties,
        kind=place.kind,
        rule=place.rule,
        line_key=place.line,
        field=place.field,
        text=text,
        written_by_id=by.person_id,
    )


def _plain(text: str) -> str:
    """What was written, without signs that no text holds and no database stores."""
    return "".join(sign for sign in text.replace("\r\n", "\n") if sign == "\n" or sign.isprintable()).strip()
