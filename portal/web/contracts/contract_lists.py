"""Sites, representatives and planned figures of a contract: a page for each list, with a form to add one."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import cast

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import Refused
from portal.extensions import transaction
from portal.kinds.base import Parsed
from portal.model import Contract, ContractState, PlannedFigure, Representative, Site
from portal.operations.contracts import contract_lists
from portal.operations.contracts.contract_lists import ENDED, REPRESENTATIVE, SITE
from portal.operations.running.contract_life import PLANNED, REPRESENTATIVES, SITES
from portal.permissions import Permission
from portal.web.access import current_membership, requires
from portal.web.contracts.contract_setup import after
from portal.web.contracts.contracts import blueprint
from portal.web.contracts.fact_forms import FactForm, Question
from portal.web.languages import current_language

Adding = Callable[..., object]
"""Adds one more row: takes the values of the form, and as `version` the one of the contract that was seen."""


def _list_page(
    contract: Contract, template: str, form: FactForm, status: int = 0, **more: object
) -> ResponseReturnValue:
    page = render_template(
        template,
        contract=contract,
        form=form,
        onward=after(contract, str(more["key"])),
        is_draft=contract.state == ContractState.DRAFT,
        failed=bool(status),
        **more,
    )
    return (page, status) if status else page


def _added(contract: Contract, form: FactForm, add: Adding) -> int:
    """Take in one more row. Returns 0, or the status of the page that says what is wrong."""
    values = form.read()
    if values is None:
        return 422
    return form.attempt(lambda: add(values, version=form.seen), lambda: contract.version)


def _questions(contract: Contract, endpoint: str) -> tuple[Question, ...]:
    return {
        "sites": SITE,
        "representatives": REPRESENTATIVE,
        "planned": contract_lists.planned_fields(contract),
    }[endpoint]


def _page_of_list(contract: Contract, endpoint: str, template: str, add: Adding, key: str) -> ResponseReturnValue:
    begin: dict[str, Parsed] = {"speaks": current_language()} if endpoint == "representatives" else {}
    questions = _questions(contract, endpoint)
    form = FactForm.filled(questions, begin, contract.version)
    status = 0
    if form.is_submitted():
        status = _added(contract, form, add)
        if not status:
            flash(_("Stored."), "success")
            return redirect(url_for(f".{endpoint}", public_id=contract.public_id), 303)
    return _list_page(contract, template, form, status, key=key)


@blueprint.route("/<uuid:public_id>/sites", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def sites(contract: Contract) -> ResponseReturnValue:
    """Where the work is done."""
    add = partial(contract_lists.add_site, contract, by=current_membership())
    return _page_of_list(contract, "sites", "contracts/sites.html", add, SITES)


@blueprint.post("/sites/<uuid:public_id>/remove")
@requires(Permission.CONTRACT_EDIT, Site)
def remove_site(site: Site) -> ResponseReturnValue:
    """Take a site away that nothing is tied to."""
    contract, by = site.contract, current_membership()
    try:
        with transaction():
            contract_lists.remove_site(site, by=by)
    except Refused as refusal:
        flash(refusal.text.to(current_language()), "error")
    else:
        flash(_("The site is removed."), "success")
    return redirect(url_for(".sites", public_id=contract.public_id), 303)


@blueprint.route("/<uuid:public_id>/representatives", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def representatives(contract: Contract) -> ResponseReturnValue:
    """Whom the parties have named to give and receive notices."""
    add = partial(contract_lists.name_representative, contract, by=current_membership())
    return _page_of_list(contract, "representatives", "contracts/representatives.html", add, REPRESENTATIVES)


@blueprint.route("/representatives/<uuid:public_id>/end", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Representative)
def end_representative(row: Representative) -> ResponseReturnValue:
    """Note a representative's last day."""
    by, contract = current_membership(), row.contract
    form = FactForm.filled((ENDED,), {})
    status = 0
    if form.is_submitted():
        values = form.read()
        status = 422
        if values is not None:
            last = cast("date", values[ENDED.key])
            status = form.attempt(lambda: contract_lists.end_representative(row, last, by=by))
        if not status:
            flash(_("Stored."), "success")
            return redirect(url_for(".representatives", public_id=contract.public_id), 303)
    page = render_template(
        "contracts/end_representative.html", row=row, contract=contract, form=form, failed=bool(status)
    )
    return (page, status) if status else page


@blueprint.route("/<uuid:public_id>/planned", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def planned(contract: Contract) -> ResponseReturnValue:
    """What bid, plan and budget said that figures would come to."""
    add = partial(contract_lists.plan_figure, contract, by=current_membership())
    return _page_of_list(contract, "planned", "contracts/planned.html", add, PLANNED)


@blueprint.post("/planned/<uuid:public_id>/remove")
@requires(Permission.CONTRACT_EDIT, PlannedFigure)
def remove_planned(row: PlannedFigure) -> ResponseReturnValue:
    """Take a planned figure away."""
    contract, by = row.contract, current_membership()
    with transaction():
        contract_lists.remove_planned(row, by=by)
    flash(_("The figure is removed."), "success")
    return redirect(url_for(".planned", public_id=contract.public_id), 303)
