"""The register of machines: what is owned and hired, on which contract it works, and what the contract says of it."""

from collections.abc import Mapping
from datetime import date
from typing import cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import Invalid
from portal.extensions import transaction
from portal.kinds import register
from portal.kinds.base import Choice, Field, Parsed
from portal.model import Contract, Deployment, Machine
from portal.operations.running import machines
from portal.permissions import Permission, allowed
from portal.text import Text, same
from portal.web import lists
from portal.web.access import current_membership, requires
from portal.web.contracts import machine_forms
from portal.web.contracts.machine_forms import DEPARTURE, DEPLOYMENT, REGISTER, DescribedForm

blueprint = Blueprint("machines", __name__, url_prefix="/machines")


@blueprint.get("")
@requires(Permission.MACHINE_READ)
def index() -> ResponseReturnValue:
    """Own machines, or those on one's contracts."""
    by = current_membership()
    return render_template(
        "machines/index.html",
        page=lists.machines(by, request.args),
        by=by,
        facts=in_words,
        may_edit=allowed(by, Permission.MACHINE_EDIT),
    )


@blueprint.get("/<uuid:public_id>")
@requires(Permission.MACHINE_READ, Machine)
def show(machine: Machine) -> ResponseReturnValue:
    """One machine: its facts, where it works, and what the contracts' requirements say of it."""
    return _page(machine)


def _page(
    machine: Machine,
    deploying: DescribedForm | None = None,
    departing: tuple[Deployment, DescribedForm] | None = None,
) -> str:
    by = current_membership()
    own = [each for each in machine.deployments if by.organisation_id in {each.buyer_id, each.supplier_id}]
    may_edit = allowed(by, Permission.MACHINE_EDIT) and machine.owner_id == by.organisation_id
    contracts = lists.contracts_of(by) if may_edit else []
    return render_template(
        "machines/show.html",
        machine=machine,
        facts=in_words(machine),
        deployments=[(each, machines.verdicts(machine, each.contract, each.arrived_on)) for each in own],
        may_edit=may_edit,
        contracts=contracts,
        fields=(*_on_one_of(contracts), DEPARTURE),
        deploying=deploying or DescribedForm.of(_on_one_of(contracts))(formdata=None),
        departing=departing[1] if departing else None,
        left=departing[0] if departing else None,
        failed=bool((deploying and deploying.errors) or departing),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.MACHINE_EDIT)
def new() -> ResponseReturnValue:
    """Register a machine and say where it works. Whoever may have it already is shown those that look like it first."""
    contracts = lists.contracts_of(current_membership())
    fields = (*REGISTER, *_on_one_of(contracts))
    form = DescribedForm.of(fields)()
    page = {"form": form, "fields": fields, "contracts": contracts}
    if not form.is_submitted():
        return render_template("machines/new.html", **page)
    found = form.read(fields)
    if found is None:
        return render_template("machines/new.html", **page, failed=True), 422
    alike = machines.alike(machine_forms.facts(found), by=current_membership())
    if alike and "another_one" not in request.form:
        return render_template("machines/new.html", **page, alike=alike, failed=True), 422
    machine = _registered(form, found, contracts)
    if machine is None:
        return render_template("machines/new.html", **page, failed=True), 422
    flash(
        _(
            "%(name)s is registered. It will be in the reports of the contract from the day it arrives.",
            name=machine.name,
        ),
        "success",
    )
    return redirect(url_for(".show", public_id=machine.public_id), 303)


@blueprint.post("/<uuid:public_id>/deployments")
@requires(Permission.MACHINE_EDIT, Machine)
def deploy(machine: Machine) -> ResponseReturnValue:
    """Put a machine to work on one more contract."""
    contracts = lists.contracts_of(current_membership())
    fields = _on_one_of(contracts)
    form = DescribedForm.of(fields)()
    found = form.read(fields)
    if found is not None:
        try:
            with transaction():
                _deployed(machine, found, contracts)
        except Invalid as refusal:
            form.blame("departed_on" if refusal.text == machines.DEPARTS_FIRST else "arrived_on", refusal.text)
    if form.errors:
        return _page(machine, deploying=form), 422
    flash(_("%(name)s is on the contract.", name=machine.name), "success")
    return redirect(url_for(".show", public_id=machine.public_id), 303)


@blueprint.post("/deployments/<uuid:public_id>/departure")
@requires(Permission.MACHINE_EDIT, Deployment)
def depart(deployment: Deployment) -> ResponseReturnValue:
    """Say on which day a machine leaves."""
    form = DescribedForm.of((DEPARTURE,))()
    found = form.read((DEPARTURE,))
    if found is not None:
        try:
            with transaction():
                machines.depart(deployment, cast("date", found[DEPARTURE.key]), by=current_membership())
        except Invalid as refusal:
            form.blame(DEPARTURE.key, refusal.text)
    if form.errors:
        return _page(deployment.machine, departing=(deployment, form)), 422
    flash(_("The day of departure is stored."), "success")
    return redirect(url_for(".show", public_id=deployment.machine.public_id), 303)


def in_words(machine: Machine) -> dict[str, Text]:
    """What the register says of a machine, by key of the question; what nobody has said is left out."""
    said = {
        "type": _label(register.TYPES, machine.type) if not machine.other_type else same(machine.other_type),
        "model": same(machine.model),
        "size": _label(register.SIZES, machine.size),
        "carrier": machine_forms.carrier_in_words(machine.carrier),
        "stage": _label(register.classes_of(machine.type), machine.stage),
        "engine_year": same(str(machine.engine_year or "")),
        "serial": same(machine.serial),
        "hired_from": same(machine.hired_from),
    }
    return {key: words for key, words in said.items() if words.nb}


def _label(choices: tuple[Choice, ...], key: str) -> Text:
    return next((choice.label for choice in choices if choice.key == key), same(key))


def _registered(form: DescribedForm, found: Mapping[str, Parsed], contracts: list[Contract]) -> Machine | None:
    """Register and deploy in one act. None, with the words at their field, when the portal refuses."""
    by = current_membership()
    try:
        with transaction():
            machine = machines.register(machine_forms.facts(found), by=by)
            _deployed(machine, found, contracts)
    except Invalid as refusal:
        form.blame(machine_forms.place_of(refusal.text, found), refusal.text)
        return None
    return machine


def _deployed(machine: Machine, found: Mapping[str, Parsed], contracts: list[Contract]) -> None:
    contract = next(each for each in contracts if str(each.public_id) == found["contract"])
    machines.deploy(
        machine,
        contract,
        cast("date", found["arrived_on"]),
        cast("date | None", found["departed_on"]),
        by=current_membership(),
    )


def _on_one_of(contracts: list[Contract]) -> tuple[Field, ...]:
    choices = tuple(Choice(str(each.public_id), same(f"{each.reference} {each.title}")) for each in contracts)
    return tuple(field.with_choices(choices) if field.source == "contracts" else field for field in DEPLOYMENT)
