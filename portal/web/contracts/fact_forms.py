"""Forms of described facts: drawn from the same descriptions as the workbook and the import, read by them too."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Self, TypeAlias

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional

from portal import calendars, quantities
from portal.errors import Conflict, Invalid
from portal.extensions import transaction
from portal.kinds.base import Field, FieldType, Parsed, Problem
from portal.operations.contracts.contract_facts import YES, YES_ONLY, Fact
from portal.text import Text
from portal.web.languages import current_language

Question: TypeAlias = Field | Fact
MOST_RADIOS = 5
SHORT_TEXT = 10
WIDTHS = {FieldType.NUMBER: "m", FieldType.DATE: "m"}
LONG_TEXT = 300
"""A text that may be longer than this gets several lines."""


class FactForm(FlaskForm):
    """A form of questions. `version`: of the contract, as it was when the page was made."""

    version = HiddenField()
    questions: Sequence[Question] = ()
    told: Text | None = None
    """Why it was not stored although nothing in it is wrong: somebody else was first."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.elsewhere: list[tuple[str, Text]] = []
        """What is wrong with what the page asks for beside these questions: id of the control or "", and words."""

    @classmethod
    def of(cls, questions: Sequence[Question]) -> "type[Self]":
        """The form class for these questions."""
        controls = {_field(each).key: _control(_field(each)) for each in questions}
        return type("FormOfFacts", (cls,), {**controls, "questions": tuple(questions)})

    @classmethod
    def filled(cls, questions: Sequence[Question], values: Mapping[str, Parsed], version: int | str = "") -> Self:
        """The form with what is known; what was sent comes before it."""
        form = cls.of(questions)
        return form(data={**{key: as_input(value) for key, value in values.items()}, "version": str(version)})

    def read(self) -> Mapping[str, Parsed] | None:
        """What was entered; None when something is wrong, which then stands at its field."""
        found: dict[str, Parsed] = {}
        for each in self.questions:
            value = each.read(self._typed(each)) if isinstance(each, Fact) else each.parse(self._typed(each))
            if isinstance(value, Problem):
                self.blame(value.field, value.text)
            else:
                found[_field(each).key] = value
        return None if self.errors else found

    def _typed(self, question: Question) -> str:
        data = self[_field(question).key].data
        if isinstance(data, bool):
            return YES if data else ""
        return " ".join(str(data or "").split()) if _is_long(_field(question)) else str(data or "")

    def blame(self, key: str, text: Text) -> None:
        """Put words at a field, or in `elsewhere` when the form has no such field."""
        if key in self:
            self[key].errors = [*self[key].errors, text]
        else:
            self.elsewhere.append((key, text))

    @property
    def seen(self) -> int:
        """The version that the page was made with; -1 for what is none."""
        number = quantities.whole_number(str(self.version.data or ""))
        return -1 if number is None else number

    def attempt(self, act: Callable[[], object], version: Callable[[], int] | None = None) -> int:
        """Do it in a transaction. Returns 0, or the status of the page that says what stopped it.

        `version`: the one in force after somebody else was first, so that the form can be sent again knowingly.
        """
        try:
            with transaction():
                act()
        except Invalid as refusal:
            problems = [each for each in refusal.problems if isinstance(each, Problem)]
            for each in problems:
                self.blame(each.field, each.text)
            if not problems:
                self.blame("", refusal.text)
            return 422
        except Conflict as refusal:
            if version is None:
                raise
            self.told = refusal.text
            self.version.data = str(version())
            return 409
        return 0


def as_input(value: Parsed) -> str | bool:
    """A value as a person would type it."""
    if isinstance(value, Decimal):
        return quantities.for_input(value, current_language())
    if isinstance(value, date):
        return calendars.as_typed(value)
    return value or ""


def _field(question: Question) -> Field:
    return question.field if isinstance(question, Fact) else question


def _is_long(field: Field) -> bool:
    return field.type is FieldType.TEXT and field.longest > LONG_TEXT


def _control(field: Field) -> Any:
    language = current_language()
    label, optional = field.label.to(language), [] if field.required else [Optional()]
    description = field.hint.to(language) if field.hint else ""
    if field.choices == YES_ONLY:
        return BooleanField(label, description=description, filters=[bool])
    if _is_long(field):
        return TextAreaField(label, description=description, validators=optional)
    if field.type is not FieldType.CHOICE:
        width = WIDTHS.get(field.type, "s" if field.longest <= SHORT_TEXT else "l")
        return StringField(
            label,
            description=description,
            validators=optional,
            render_kw={"data-width": width, "data-unit": field.unit},
        )
    choices = [SelectChoice(choice.key, choice.label.to(language)) for choice in field.choices]
    if field.required and len(choices) <= MOST_RADIOS:
        return RadioField(label, description=description, choices=choices, validate_choice=False)
    nothing = SelectChoice("", _("Choose") if field.required else _("None chosen"))
    return SelectField(
        label, description=description, choices=[nothing, *choices], validators=optional, validate_choice=False
    )
