"""The reasons that warnings ask for: written beside the draft, demanded before a signature, frozen with it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from portal import permissions
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import Explanation, Membership, Report, ReportState, record
from portal.model.base import Json
from portal.operations.entry.drafts import NOT_EDITABLE
from portal.permissions import Permission
from portal.text import Text

LONGEST = 2000
DIGITS = 16
"""Of a digest that tells one wording of a warning from another."""
NEEDS_REASON = "reason"
"""The rule of a warning that nobody has given a reason for."""
TOO_LONG = "reason_too_long"

SAY_WHY = Text("Skriv en begrunnelse: {warning}", "Give a reason: {warning}")
SHORTEN = Text(
    "Begrunnelsen kan være høyst {most} tegn. Kort den ned.", "A reason can have at most {most} characters. Shorten it."
)


class Subject(NamedTuple):
    """What a reason is about: the rule that warns, where, and what it said: other figures ask for the reason anew."""

    kind: str
    rule: str
    line: str
    field: str
    said: str
    """Digest of the warning's words."""

    @classmethod
    def of(cls, kind: str, warning: Problem) -> Self:
        """The subject of a warning."""
        words = "\n".join(warning.text.dump().values())
        return cls(kind, warning.rule, warning.line, warning.field, hashlib.sha256(words.encode()).hexdigest()[:DIGITS])

    @property
    def name(self) -> str:
        """As one text, for the name of a field in a form; `load` reads it back."""
        return "/".join(self)

    @classmethod
    def load(cls, name: str) -> "Self | None":
        """Back from `name`; None when it is none."""
        parts = name.split("/")
        return cls(*parts) if len(parts) == len(cls._fields) else None


class Warned(NamedTuple):
    """A warning, and what has been said of it so far."""

    subject: Subject
    problem: Problem
    reason: str
    earlier: str
    """What was said here when the warning read otherwise; it is no reason for what the warning says now."""


Reasons = Mapping[Subject, str]


def warned(report: Report, problems: Mapping[str, Sequence[Problem]]) -> list[Warned]:
    """The warnings among what the rules say (kind -> problems), each once, with their reasons."""
    standing = {
        Subject.of(kind, problem): problem
        for kind, own in problems.items()
        for problem in own
        if problem.severity == "warning"
    }
    said = {_subject(row): row.text for row in report.explanations}
    # What is said of a warning that stands beside it is said of another machine, and no former wording of this one.
    earlier = {subject[:-1]: text for subject, text in said.items() if subject not in standing}
    return [
        Warned(subject, problem, said.get(subject, ""), "" if subject in said else earlier.get(subject[:-1], ""))
        for subject, problem in standing.items()
    ]


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
    known = {_subject(row): row for row in report.explanations}
    texts = {each.subject: _plain(reasons[each.subject]) for each in found if each.subject in reasons}
    changed = {about: text for about, text in texts.items() if text != (known[about].text if about in known else "")}
    _demand_short(changed)
    for about, text in changed.items():
        if about in known:
            known[about].text, known[about].written_by_id = text, by.person_id
        else:
            report.explanations.append(_row(report, about, text, by))
    if changed:
        record(report, "report.explained", by=by, warnings=sorted(about.name for about in changed))
        db.session.flush()


def lacking(found: Sequence[Warned]) -> list[Problem]:
    """For each warning without a reason, the problem that stops the signature."""
    return [
        Problem(NEEDS_REASON, SAY_WHY.with_values(warning=each.problem.text), each.subject.field, each.subject.line)
        for each in found
        if not each.reason
    ]


def wrong(warned: Warned, reason: str) -> Text | None:
    """What is wrong with one reason as it was written, if anything is."""
    if not reason.strip():
        return SAY_WHY.with_values(warning=warned.problem.text)
    return SHORTEN.with_values(most=LONGEST) if len(reason) > LONGEST else None


def frozen(found: Sequence[Warned]) -> list[Json]:
    """The reasons as they are signed."""
    return [{**each.subject._asdict(), "text": each.reason} for each in found]


def signed(reasons: Sequence[Json]) -> dict[Subject, str]:
    """Back from `frozen`."""
    return {Subject(**{name: each[name] for name in Subject._fields}): each["text"] for each in reasons}


def _demand_short(texts: Reasons) -> None:
    words = SHORTEN.with_values(most=LONGEST)
    too_long = [about for about, text in texts.items() if len(text) > LONGEST]
    if too_long:
        raise Invalid(words, tuple(Problem(TOO_LONG, words, about.field, about.line) for about in too_long))


def _subject(row: Explanation) -> Subject:
    return Subject(row.kind, row.rule, row.line_key, row.field, row.said)


def _row(report: Report, about: Subject, text: str, by: Membership) -> Explanation:
    return Explanation(
        **report.parties,
        kind=about.kind,
        rule=about.rule,
        line_key=about.line,
        field=about.field,
        said=about.said,
        text=text,
        written_by_id=by.person_id,
    )


def _plain(text: str) -> str:
    """What was written, without signs that no text holds and no database stores."""
    return "".join(sign for sign in text.replace("\r\n", "\n") if sign == "\n" or sign.isprintable()).strip()
