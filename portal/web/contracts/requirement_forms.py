"""The form of a requirement: what was chosen from the catalogue, and what a contract may say otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal import calendars, kinds
from portal.kinds import register
from portal.kinds.base import Field, FieldType, Indicator, Kind, Problem
from portal.model import DUTIES_TO_FILE, REPORTING_DUTY, ChangeOrder, Comparison, Contract, Requirement, Window
from portal.operations.contracts import duties, scopes
from portal.operations.contracts.duties import Terms
from portal.operations.running import requirements
from portal.quantities import for_input
from portal.text import Text
from portal.web import labels
from portal.web.languages import current_language
from portal.web.words import day_name

STEPS = 5
"""Thresholds that come into force later, at most: a contract of several years usually has one for each."""
STEP_INCOMPLETE = Text("Et trinn må ha både dag og terskel.", "A step needs both a day and a threshold.")

_DAY = Field("day", Text("Dato", "Date"), FieldType.DATE)


class Checkboxes(SelectMultipleField):
    """Any of a few."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class RequirementForm(FlaskForm):
    """One requirement. Which figure it is about is fixed by then; `of` gives the class for it."""

    @classmethod
    def of(
        cls, contract: Contract, kind: Kind | None, indicator: Indicator | None, windows: Sequence[str], code: str
    ) -> "type[RequirementForm]":
        """The form class for a contract and a figure; no kind: one of the duties to file (`code`) something."""
        fields: dict[str, Any] = {
            "clause": StringField(_("Clause of the contract")),
            "wording": TextAreaField(_("Wording of the clause"), validators=[Optional()]),
            "valid_from": StringField(_("In force from")),
            "valid_to": StringField(_("Last day in force"), validators=[Optional()]),
        }
        if contract.state != "draft":
            fields["order"] = SelectField(
                _("Change order"), choices=_orders(contract.change_orders), validate_choice=False
            )
            fields |= _replaces_field(requirements.replaceable(contract, kind.key if kind else "", code))
        if kind is not None and indicator is not None:
            fields |= _figure_fields(indicator, kind, windows)
            fields |= _scope_fields(contract, kind)
        elif code != REPORTING_DUTY:
            fields["threshold"] = StringField(_("Number of days"))
        return type("FormOfRequirement", (cls,), fields)

    def said(self, name: str) -> str:
        """What was typed, "" in a field that this form does not have."""
        return (self[name].data or "").strip() if name in self else ""

    def blame(self, problems: Sequence[object]) -> list[tuple[str, Text]]:
        """Put words at the fields that they are about; what has no field here stands on top of the page."""
        rest = []
        for problem in problems:
            if isinstance(problem, Problem) and problem.field in self:
                self[problem.field].errors = [problem.text]
            elif isinstance(problem, Problem):
                rest.append(("", problem.text))
        return rest


def _figure_fields(indicator: Indicator, kind: Kind, windows: Sequence[str]) -> dict[str, Any]:
    comparisons = [SelectChoice(each.value, str(labels.COMPARISON[each])) for each in Comparison]
    fields: dict[str, Any] = {
        "comparison": SelectField(_("The figure must be"), choices=comparisons, validate_choice=False),
        "threshold": _limit_field(_("Threshold"), indicator, kind),
        "window": SelectField(
            _("Judged"),
            choices=[SelectChoice(each, str(labels.WINDOW[Window(each)])) for each in windows],
            validate_choice=False,
        ),
        "promised": _limit_field(_("Promised in the bid"), indicator, kind, optional=True),
        "promised_source": StringField(_("Where in the bid it stands"), validators=[Optional()]),
    }
    if not indicator.breaks_by_line:
        fields["tolerance"] = StringField(_("Tolerance in the contract"), validators=[Optional()])
    for number in range(STEPS):
        fields[f"step_from_{number}"] = StringField(_("From"), validators=[Optional()])
        fields[f"step_threshold_{number}"] = _limit_field(_("Threshold from then"), indicator, kind, optional=True)
    return fields


def _limit_field(label: str, indicator: Indicator, kind: Kind, *, optional: bool = False) -> Any:
    validators = [Optional()] if optional else []
    if not indicator.choices_of:
        return StringField(label, validators=validators)
    language = current_language()
    choices = [SelectChoice(each.key, each.label.to(language)) for each in kind.column(indicator.choices_of).choices]
    return SelectField(
        label, choices=[SelectChoice("", _("Choose")), *choices], validators=validators, validate_choice=False
    )


def _scope_fields(contract: Contract, kind: Kind) -> dict[str, Any]:
    language, possible = current_language(), scopes.possible(kind)
    names = {choice.key: choice.label.to(language) for choice in register.TYPES}
    offered = {
        scopes.TYPES: (_("Only these types"), [(key, names[key]) for key in scopes.types_of(kind)]),
        scopes.SITES: (_("Only these sites"), [(str(each.public_id), each.name) for each in contract.sites]),
        scopes.ORGANISATIONS: (
            _("Only these organisations"),
            [(str(each.public_id), each.name) for each in duties.organisations(contract)],
        ),
    }
    return {
        name: Checkboxes(
            label,
            choices=[SelectChoice(key, text) for key, text in choices],
            validators=[Optional()],
            validate_choice=False,
        )
        for name, (label, choices) in offered.items()
        if name in possible and (name == scopes.TYPES or len(choices) > 1)
    }


def _orders(orders: Sequence[ChangeOrder]) -> list[Any]:
    return [
        SelectChoice("", _("Choose")),
        *(SelectChoice(str(each.public_id), f"{each.reference} ({day_name(each.from_on)})") for each in orders),
    ]


def _replaces_field(ended: Sequence[Requirement]) -> dict[str, Any]:
    """Which requirement it is the changed form of, where one about the same has ended."""
    if not ended:
        return {}
    choices = [SelectChoice("", _("None: it is a new requirement"))]
    for each in ended:
        last = day_name(each.valid_to) if each.valid_to else ""
        words = _("Clause %(clause)s, which ended on %(day)s", clause=each.clause, day=last)
        choices.append(SelectChoice(str(each.public_id), words))
    return {"replaces": SelectField(_("Replaces"), choices=choices, validate_choice=False)}


def terms(form: RequirementForm, kind: Kind | None, code: str) -> tuple[Terms | None, list[Problem]]:
    """What was entered, or what cannot be read of it."""
    problems: list[Problem] = []
    indicator = kind.indicator(code) if kind is not None else None
    limits = {
        name: _limit(form, name, indicator, problems)
        for name in ("threshold", "promised", *(f"step_threshold_{number}" for number in range(STEPS)))
        if name in form and (form.said(name) or name == "threshold")
    }
    days = {name: _day(form, name, problems) for name in ("valid_from", "valid_to", *_step_days()) if name in form}
    if form.said("tolerance"):
        limits["tolerance"] = _limit(form, "tolerance", None, problems)
    problems += _incomplete(form)
    first = days["valid_from"]
    if problems or first is None:
        return None, problems
    return Terms(
        kind=kind.key if kind is not None else "",
        indicator=code,
        comparison=Comparison(form.said("comparison") or Comparison.AT_MOST),
        threshold=limits.get("threshold", "0"),
        clause=form.said("clause"),
        valid_from=first,
        valid_to=days.get("valid_to"),
        window=Window(form.said("window") or Window.PERIOD),
        steps=tuple(_steps(days, limits)),
        promised=limits.get("promised", ""),
        promised_source=form.said("promised_source"),
        tolerance=limits.get("tolerance", ""),
        scope={name: form[name].data or [] for name in scopes.Scope._fields if name in form},
        wording=form.said("wording"),
    ), []


def _step_days() -> Iterator[str]:
    return (f"step_from_{number}" for number in range(STEPS))


def _incomplete(form: RequirementForm) -> Iterator[Problem]:
    for number in range(STEPS):
        day, limit = f"step_from_{number}", f"step_threshold_{number}"
        if bool(form.said(day)) != bool(form.said(limit)):
            yield Problem("required", STEP_INCOMPLETE, limit if form.said(day) else day)


def _steps(days: Mapping[str, date | None], limits: Mapping[str, str]) -> Iterator[tuple[date, str]]:
    for number in range(STEPS):
        day = days.get(f"step_from_{number}")
        if day is not None:
            yield day, limits[f"step_threshold_{number}"]


def _limit(form: RequirementForm, name: str, indicator: Indicator | None, problems: list[Problem]) -> str:
    read = duties.read_threshold(indicator, form.said(name))
    if isinstance(read, Text):
        problems.append(Problem("threshold", read, name))
        return ""
    return read


def _day(form: RequirementForm, name: str, problems: list[Problem]) -> date | None:
    if not form.said(name) and name != "valid_from":
        return None
    found = _DAY.parse(form.said(name))
    if isinstance(found, Problem):
        problems.append(Problem(found.rule, found.text, name))
    return found if isinstance(found, date) else None


def filled(duty: Requirement, indicator: Indicator | None) -> dict[str, Any]:
    """A requirement as the form shows it, to be changed."""
    language = current_language()

    def typed(limit: str) -> str:
        is_number = limit and (indicator is None or not indicator.choices_of)
        return for_input(Decimal(limit), language) if is_number else limit

    shown: dict[str, Any] = {
        "clause": duty.clause,
        "wording": duty.wording,
        "valid_from": calendars.as_typed(duty.valid_from),
        "valid_to": calendars.as_typed(duty.valid_to) if duty.valid_to else "",
        "comparison": duty.comparison.value,
        "threshold": typed(duty.threshold),
        "window": duty.window.value,
        "promised": typed(duty.promised),
        "promised_source": duty.promised_source,
        "tolerance": typed(duty.tolerance),
        **(duty.scope or {}),
    }
    for number, step in enumerate(duty.steps or []):
        shown[f"step_from_{number}"] = calendars.as_typed(date.fromisoformat(step["from"]))
        shown[f"step_threshold_{number}"] = typed(step["threshold"])
    return shown


def about(kind: str, indicator: str) -> tuple[Kind | None, Indicator | None]:
    """The kind and figure that a requirement is about; none of what is to be filed."""
    if indicator in DUTIES_TO_FILE:
        return None, None
    found = kinds.described(kind)
    return found, found.indicator(indicator)
