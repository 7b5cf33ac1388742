"""«Hvem ser hva»: the units of a buyer, and the contracts that each of its people sees."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that pybabel looks for
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]
from wtforms.widgets import CheckboxInput, ListWidget

from portal.errors import Invalid
from portal.extensions import transaction
from portal.kinds import Problem
from portal.model import Contract, Membership, Unit
from portal.operations.people import groups, sights
from portal.permissions import Permission
from portal.reach import CHOSEN, Sight
from portal.web.access import current_membership, requires
from portal.web.choices import uuid_of
from portal.web.confirmation import confirmed
from portal.web.labels import SIGHT, roles_of
from portal.web.languages import current_language

blueprint = Blueprint("sights", __name__, url_prefix="/who-sees-what")


class ContractsField(SelectMultipleField):
    """Any of the contracts, as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class SightForm(FlaskForm):
    """What somebody sees."""

    sight = RadioField(N_("Which contracts?"), choices=[SelectChoice(each.value, SIGHT[each]) for each in CHOSEN])
    unit = SelectField(N_("Unit"), validate_choice=False)
    contracts = ContractsField(N_("Named contracts"), validate_choice=False)


class UnitForm(FlaskForm):
    """A unit and its contracts."""

    name = StringField(N_("Name of the unit"))
    contracts = ContractsField(N_("Contracts of the unit"), validate_choice=False)


@blueprint.get("")
@requires(Permission.SIGHT_EDIT)
def index() -> ResponseReturnValue:
    """Everybody at the buyer with what they see, and the units."""
    by = current_membership()
    members = sights.members(by)
    return render_template(
        "people/sights.html",
        members=members,
        named={each.id: sights.named_for(each) for each in members if each.sight == Sight.NAMED},
        groups=groups.readers_of(by.organisation_id),
        units=sights.units(by),
        counts=sights.counts(by),
        roles_of=roles_of,
    )


@blueprint.route("/<uuid:public_id>", methods=["GET", "POST"])
@requires(Permission.SIGHT_EDIT, Membership)
@confirmed
def edit(membership: Membership) -> ResponseReturnValue:
    """Limit what one of them sees, or take the limit away."""
    by, form = current_membership(), SightForm()
    units = (SelectChoice(str(each.public_id), each.name) for each in sights.units(by))
    form.unit.choices = [SelectChoice("", _("Choose a unit")), *units]
    form.contracts.choices = _named(sights.contracts(by))
    if request.method == "GET":
        form.sight.data, form.unit.data = membership.sight, str(membership.unit.public_id) if membership.unit else ""
        form.contracts.data = [str(each.public_id) for each in sights.named_for(membership)]
        return _edit_page(membership, form)
    if form.sight.data not in CHOSEN:
        form.sight.errors = [_("Choose which contracts they see.")]
        return _edit_page(membership, form), 422
    sight, unit, named = Sight(form.sight.data), uuid_of(form.unit.data or ""), _uuids(form.contracts.data)
    if not _stored(form, lambda: sights.limit(membership, sight, by=by, unit=unit, named=named)):
        return _edit_page(membership, form), 422
    flash(_("Stored. It holds from the next page they open."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.route("/units/new", methods=["GET", "POST"])
@requires(Permission.SIGHT_EDIT)
@confirmed
def new_unit() -> ResponseReturnValue:
    """A new agency or department."""
    by, form = current_membership(), UnitForm()
    form.contracts.choices = _named(sights.contracts(by))
    if request.method == "GET":
        return render_template("people/unit.html", form=form, unit=None)
    if not _stored(form, lambda: sights.add_unit(form.name.data or "", _uuids(form.contracts.data), by=by)):
        return render_template("people/unit.html", form=form, unit=None), 422
    flash(_("The unit is there. Now choose who belongs to it."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.route("/units/<uuid:public_id>", methods=["GET", "POST"])
@requires(Permission.SIGHT_EDIT, Unit)
@confirmed
def unit(unit: Unit) -> ResponseReturnValue:
    """The name and the contracts of a unit."""
    by, form = current_membership(), UnitForm()
    every = sights.contracts(by)
    form.contracts.choices = _named(every)
    if request.method == "GET":
        form.name.data = unit.name
        form.contracts.data = [str(each.public_id) for each in every if each.unit_id == unit.id]
        return render_template("people/unit.html", form=form, unit=unit)
    if not _stored(form, lambda: sights.change_unit(unit, form.name.data or "", _uuids(form.contracts.data), by=by)):
        return render_template("people/unit.html", form=form, unit=unit), 422
    flash(_("Stored."), "success")
    return redirect(url_for(".index"), 303)


def _edit_page(membership: Membership, form: SightForm) -> str:
    return render_template("people/sight.html", membership=membership, form=form, roles=roles_of(membership))


def _named(contracts: list[Contract]) -> list[SelectChoice]:
    return [SelectChoice(str(each.public_id), f"{each.reference} {each.title}") for each in contracts]


def _uuids(chosen: list[str] | None) -> set[UUID]:
    return {number for each in chosen or [] if (number := uuid_of(each)) is not None}


def _stored(form: FlaskForm, act: Callable[[], object]) -> bool:
    """Do it; what is wrong is said at the field."""
    try:
        with transaction():
            act()
    except Invalid as refusal:
        for problem in refusal.problems:
            if isinstance(problem, Problem):
                form[problem.field].errors = [problem.text.to(current_language())]
        return False
    return True
