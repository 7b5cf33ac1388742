"""The page of what is marked as trade secrets in a contract's approved reports: what the buyer holds of it, and why."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectMultipleField, TextAreaField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.widgets import CheckboxInput, ListWidget

from portal import permissions
from portal.errors import Conflict, Invalid
from portal.extensions import transaction
from portal.kinds import Problem
from portal.model import Contract, Ruling
from portal.operations import lookup
from portal.operations.reports import rulings
from portal.operations.reports.rulings import Mark, Word
from portal.permissions import Permission
from portal.text import Text
from portal.web.access import current_membership, requires
from portal.web.languages import current_language
from portal.web.reading import AN_HOUR, reads

blueprint = Blueprint("rulings", __name__)

UNKNOWN = -1
"""A version that no mark has."""


class RulingForm(FlaskForm):
    """Which marks, what is held of them, and why."""

    marks = SelectMultipleField(
        lazy_gettext("Which marks?"),
        validate_choice=False,
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    word = RadioField(
        lazy_gettext("Do they stand?"),
        choices=[
            SelectChoice(str(Word.UPHOLD), lazy_gettext("They stand: these are trade secrets")),
            SelectChoice(str(Word.LIFT), lazy_gettext("Lift them: others may see this")),
        ],
        validate_choice=False,
    )
    reason = TextAreaField(lazy_gettext("Why?"))


class ObjectionForm(FlaskForm):
    """Why a mark is not to be lifted."""

    words = TextAreaField(lazy_gettext("Why should it not be seen by others?"))


@blueprint.get("/contracts/<uuid:public_id>/trade-secrets")
@requires(Permission.CONTRACT_READ, Contract)
@reads("secrets", once_in=AN_HOUR)
def index(contract: Contract) -> ResponseReturnValue:
    """Every mark of the approved reports, for both parties; who gives access for the buyer judges them here."""
    return _page(contract, RulingForm(formdata=None))


@blueprint.post("/contracts/<uuid:public_id>/trade-secrets")
@requires(Permission.ACCESS_GIVE, Contract)
def rule(contract: Contract) -> ResponseReturnValue:
    """Uphold the chosen marks, or lift them."""
    form = RulingForm()
    word = next((each for each in Word if each == form.word.data), None)
    chosen = dict(_chosen(each) for each in form.marks.data or [])
    try:
        with transaction():
            rulings.rule(contract, chosen, word, form.reason.data or "", by=current_membership())
    except Invalid as refusal:
        _say(form, refusal)
        return _page(contract, form), 422
    except Conflict as first:
        return _page(lookup.one(Contract, contract.public_id, current_membership()), form, overtaken=first.text), 409
    if rulings.recipients(contract):
        flash(_("It is stored, and a letter goes to the supplier now."), "success")
    else:
        flash(_("It is stored. The supplier has nobody who can get a letter about it."), "info")
    return redirect(url_for(".index", public_id=contract.public_id), 303)


@blueprint.get("/rulings/<uuid:public_id>/objection")
@requires(Permission.REPORT_EDIT, Ruling)
def objection(ruling: Ruling) -> ResponseReturnValue:
    """What the buyer wrote, and room for what the supplier says against it."""
    if not ruling.takes_objection:
        return redirect(url_for(".index", public_id=ruling.contract.public_id), 303)
    return render_template("reports/objection.html", mark=rulings.mark_of(ruling), form=ObjectionForm(formdata=None))


@blueprint.post("/rulings/<uuid:public_id>/objection")
@requires(Permission.REPORT_EDIT, Ruling)
def object_to(ruling: Ruling) -> ResponseReturnValue:
    """Write down what the supplier says against lifting a mark."""
    form = ObjectionForm()
    try:
        with transaction():
            rulings.object_to(ruling, form.words.data or "", by=current_membership())
    except Invalid as refusal:
        _say(form, refusal)
        return render_template("reports/objection.html", mark=rulings.mark_of(ruling), form=form), 422
    flash(_("What you wrote is sent to the buyer. The mark stands until they have answered."), "success")
    return redirect(url_for(".index", public_id=ruling.contract.public_id), 303)


def _page(contract: Contract, form: RulingForm, overtaken: Text | None = None) -> str:
    by = current_membership()
    marks = rulings.of_contract(contract, by=by)
    form.marks.choices = [SelectChoice(_value(mark), _title(mark)) for mark in marks]
    form.marks.data = form.marks.data or []
    return render_template(
        "reports/marks.html",
        contract=contract,
        marks=[(_value(mark), _title(mark), mark) for mark in marks],
        form=form,
        overtaken=overtaken,
        may_rule=rulings.may_rule(contract, by),
        may_object=permissions.allowed(by, Permission.REPORT_EDIT),
        effect=rulings.effect_of(contract),
    )


def _title(mark: Mark) -> str:
    words: list[Any] = [mark.revision.report.period.name, mark.kind.title, mark.name]
    return ", ".join(each.to(current_language()) for each in words)


def _value(mark: Mark) -> str:
    """What choosing a mark sends: with what was held of it when it was read, so that nothing since is passed over."""
    return "/".join((*mark.key, str(mark.version)))


def _chosen(value: str) -> tuple[rulings.Key, int]:
    revision, kind, field, version = (*value.split("/"), "", "", "", "")[:4]
    return (revision, kind, field), int(version) if version.isdecimal() and version.isascii() else UNKNOWN


def _say(form: FlaskForm, refusal: Invalid) -> None:
    for problem in refusal.problems:
        if isinstance(problem, Problem):
            form[problem.field].errors = [problem.text]
