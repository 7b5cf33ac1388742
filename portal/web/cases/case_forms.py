"""The forms of the case pages: the notice with its points, the reply and what is held of each point, the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import (
    BooleanField,
    DateField,
    Field,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional

from portal import clock
from portal.errors import Invalid, Refused
from portal.kinds.base import Problem
from portal.model import Deviation, DeviationState, Point, Stance, Verdict
from portal.operations.cases import letters, notices
from portal.operations.cases.letters import Claim
from portal.operations.cases.notices import Service
from portal.operations.cases.replies import PointReply, PointVerdict
from portal.operations.entry.evidence import Upload
from portal.web import labels

WRITTEN = ("text", "reason", "comment", "how")
"""Where a person writes, in whichever form it is."""


def _choices(words: Mapping[Any, LazyString]) -> list[SelectChoice]:
    return [SelectChoice(value=str(code), label=label) for code, label in words.items()]


class NoticeForm(FlaskForm):
    """The formal notice."""

    version = IntegerField()
    points = FieldList(TextAreaField())
    lines = FieldList(HiddenField())
    """The line that a point was drafted for, under the point's own place; nothing for one that a person added."""
    text = TextAreaField(N_("Text of the notice"))
    working_days = IntegerField(N_("Time to reply, in working days"))


class ReasonForm(FlaskForm):
    """A choice that needs its reasons."""

    version = IntegerField()
    reason = TextAreaField(N_("Reasons"))


class DeliveryForm(FlaskForm):
    """How a letter that did not get through was delivered instead."""

    version = IntegerField()
    how = StringField(N_("How and when was it delivered?"), validators=[Optional()])


class ServiceForm(DeliveryForm):
    """How a notice was handed over otherwise than by mail: proof that the supplier can see."""

    how = StringField(N_("How was it delivered?"), validators=[Optional()])
    to = StringField(N_("Who received it?"), validators=[Optional()])
    on = DateField(N_("On which day?"), validators=[Optional()])
    files = MultipleFileField(N_("Files that document it"), validators=[Optional()])


class DecisionForm(FlaskForm):
    """The second person's word."""

    version = IntegerField()
    comment = TextAreaField(N_("Comment"), validators=[Optional()])


class PointReplyForm(Form):
    """The supplier's answer to one point."""

    stance = RadioField(N_("Do you agree?"), choices=_choices(labels.STANCE))
    text = TextAreaField(N_("Your answer to this point"))
    files = MultipleFileField(N_("Files for this point"), validators=[Optional()])


class ReplyForm(FlaskForm):
    """The supplier's answer as a whole; `reply_form` adds a part for each point."""

    text = TextAreaField(N_("Your reply"), validators=[Optional()])
    files = MultipleFileField(N_("Files"), validators=[Optional()])
    is_complete = BooleanField(N_("I have nothing more to add"))


class PointVerdictForm(Form):
    """What the buyer holds of one point."""

    verdict = RadioField(N_("What do you hold of it?"), choices=_choices(labels.VERDICT))
    reasons = TextAreaField(N_("Reasons"))


class WeighForm(FlaskForm):
    """What the buyer holds of the points; `weigh_form` adds a part for each."""

    version = IntegerField()


# -- made for a case ----------------------------------------------------------------------------------------------


def notice_form(deviation: Deviation) -> NoticeForm:
    """A notice drafted from the case."""
    is_to_be_written = deviation.state == DeviationState.FOUND
    return _numbered(
        NoticeForm(
            None,
            prefix="notice",
            version=deviation.version,
            text=letters.notice_draft(deviation) if is_to_be_written else "",
            **_given(letters.points_draft(deviation) if is_to_be_written else []),
            working_days=deviation.contract.reply_working_days,
        )
    )


def given_notice() -> NoticeForm:
    """The notice as it was sent in."""
    return _numbered(NoticeForm(prefix="notice"))


def with_points(form: NoticeForm, points: Sequence[Claim]) -> NoticeForm:
    """The same notice with other points."""
    return _numbered(
        NoticeForm(
            None,
            prefix="notice",
            version=form.version.data,
            text=form.text.data,
            working_days=form.working_days.data,
            **_given(points),
        )
    )


def points_of(form: NoticeForm) -> list[Claim]:
    """What stands in the fields for points, empty ones too, each with the line that it was drafted for."""
    lines = {_place(entry): entry.data or None for entry in form.lines}
    return [Claim(entry.data or "", lines.get(_place(entry))) for entry in form.points]


def line_of(form: NoticeForm, point: Field) -> Field | None:
    """The hidden field beside a point; None beside one that is about no line."""
    return next((entry for entry in form.lines if entry.data and _place(entry) == _place(point)), None)


def _given(points: Sequence[Claim]) -> dict[str, list[str]]:
    return {"points": [each.text for each in points], "lines": [each.line or "" for each in points]}


def _place(entry: Field) -> str:
    """Where a field stands among its own: a person may have taken one away."""
    return entry.short_name.rsplit("-", 1)[-1]


def _numbered(form: NoticeForm) -> NoticeForm:
    for number, entry in enumerate(form.points, start=1):
        entry.label.text = _("Point %(number)s", number=number)
    return form


def reply_form(deviation: Deviation, *, is_sent: bool = False) -> ReplyForm:
    """A reply with a part for each point of the notice; empty, or as it was sent in."""
    form: ReplyForm = _of_points(ReplyForm, PointReplyForm, deviation, {}, prefix="reply", is_sent=is_sent)
    return form


def weigh_form(deviation: Deviation, *, is_sent: bool = False) -> WeighForm:
    """A form with a part for each point of the notice, as it was weighed last, or as it was sent in."""
    kept = {
        name_of(point): {"verdict": point.weighings[-1].verdict.value, "reasons": point.weighings[-1].reasons}
        for point in deviation.points
        if point.weighings
    }
    given = {**kept, "version": deviation.version}
    form: WeighForm = _of_points(WeighForm, PointVerdictForm, deviation, given, prefix="weigh", is_sent=is_sent)
    return form


def _of_points(  # noqa: PLR0913 - a form and all that it is made of
    whole: type[Any], part: type[Form], deviation: Deviation, given: Mapping[str, Any], *, prefix: str, is_sent: bool
) -> Any:
    parts = {name_of(point): FormField(part) for point in deviation.points}
    made = type(whole.__name__, (whole,), parts)
    return made(prefix=prefix) if is_sent else made(None, prefix=prefix, data=given)


def name_of(point: Point) -> str:
    """What the part of a form that is about a point is called."""
    return f"point_{point.number}"


def service_form(deviation: Deviation) -> ServiceForm:
    """How a notice was handed over, filled in with today and whom the contract names."""
    named = notices.representatives(deviation)
    today = clock.today(deviation.contract.time_zone)
    to = named[0].name if named else ""
    return ServiceForm(None, prefix="delivery", version=deviation.version, on=today, to=to)


# -- read ---------------------------------------------------------------------------------------------------------


def answers_of(form: Any, deviation: Deviation, kept: Mapping[int, Sequence[Upload]]) -> list[PointReply]:
    """What the form says of each point; `kept` are the files of an earlier attempt, by the point's number."""
    return [
        PointReply(
            point,
            next((each for each in Stance if each.value == part.stance.data), None),
            part.text.data or "",
            [*kept.get(point.number, ()), *uploads_of(part.files)],
        )
        for point in deviation.points
        for part in [form[name_of(point)].form]
    ]


def verdicts_of(form: Any, deviation: Deviation) -> list[PointVerdict]:
    """What the form says that each point is worth."""
    return [
        PointVerdict(
            point, next((each for each in Verdict if each.value == part.verdict.data), None), part.reasons.data or ""
        )
        for point in deviation.points
        for part in [form[name_of(point)].form]
    ]


def service_of(form: ServiceForm) -> Service:
    """What the form says of how the notice was handed over."""
    return Service(form.to.data or "", form.on.data, form.how.data or "", uploads_of(form.files))


def uploads_of(field: MultipleFileField) -> list[Upload]:
    """The files that came in a field."""
    uploads = []
    for given in field.data or []:
        if given and getattr(given, "filename", ""):
            given.stream.seek(0)
            uploads.append(Upload(given.filename, given.read()))
    return uploads


# -- refused ------------------------------------------------------------------------------------------------------


def blame(form: Any, refusal: Invalid | Refused) -> None:
    """Put the words at the fields that they are about."""
    problems = [each for each in getattr(refusal, "problems", ()) if isinstance(each, Problem)]
    for problem in problems or [Problem("refused", refusal.text)]:
        _field(form, problem.field, is_file=isinstance(refusal, Refused)).errors = [problem.text]


def _field(form: Any, name: str, *, is_file: bool) -> Any:
    part, _dash, number = name.partition("-")
    if number and f"point_{number}" in form:
        return form[f"point_{number}"].form[part]
    if name == "points" and name in form and form.points.entries:
        return form.points.entries[0]
    if name in form:
        return form[name]
    if is_file and "files" in form:
        return form["files"]
    return next(form[each] for each in WRITTEN if each in form)
