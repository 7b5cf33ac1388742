"""Pausing, resuming, handing over, reopening and closing a contract, and its change orders."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple, cast

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from portal import clock
from portal.kinds.base import Field, FieldType, Parsed
from portal.model import Contract, ContractState, Requirement
from portal.operations.running import change_orders, contract_life
from portal.permissions import Permission
from portal.text import Text
from portal.web import labels
from portal.web.access import current_membership, requires
from portal.web.contracts.contracts import blueprint, in_words
from portal.web.contracts.fact_forms import FactForm
from portal.web.languages import current_language

REASON = Field("reason", Text("Begrunnelse", "Reason"), FieldType.TEXT, longest=2000)


def _day(key: str, label: Text) -> Field:
    return Field(key, label, FieldType.DATE, hint=Text("dd.mm.åååå.", "dd.mm.yyyy."))


class Act(NamedTuple):
    """One thing that may be done with a contract: what is asked, what it means, and who does it."""

    title: LazyString
    lead: LazyString
    questions: tuple[Field, ...]
    do: Callable[[Contract, Mapping[str, Parsed], int], object]
    done: LazyString
    tone: str = ""
    leads_home: bool = True
    """Whether the contract is there to go back to afterwards."""


ACTS = {
    "pause": Act(
        labels.CONTRACT_ACT["pause"],
        lazy_gettext("The days of the pause are not reported. Both parties see the pause and why."),
        (_day("starts_on", Text("Første dag uten arbeid", "First day without work")), REASON),
        lambda contract, values, version: contract_life.pause(
            contract, cast("date", values["starts_on"]), str(values["reason"]), by=current_membership(), version=version
        ),
        lazy_gettext("The contract is paused."),
    ),
    "resume": Act(
        labels.CONTRACT_ACT["resume"],
        lazy_gettext("Reporting goes on from this day."),
        (_day("resumes_on", Text("Første dag med arbeid", "First day with work")),),
        lambda contract, values, version: contract_life.resume(
            contract, cast("date", values["resumes_on"]), by=current_membership(), version=version
        ),
        lazy_gettext("The contract runs again."),
    ),
    "complete": Act(
        labels.CONTRACT_ACT["complete"],
        lazy_gettext("No new reporting period opens after the handover. Open reports and cases go on."),
        (_day("handed_over_on", Text("Overtatt", "Handed over on")),),
        lambda contract, values, version: contract_life.complete(
            contract, cast("date", values["handed_over_on"]), by=current_membership(), version=version
        ),
        lazy_gettext("The contract is handed over."),
    ),
    "reopen": Act(
        labels.CONTRACT_ACT["reopen"],
        lazy_gettext("The contract runs again, and its periods open."),
        (REASON,),
        lambda contract, values, version: contract_life.reopen(
            contract, str(values["reason"]), by=current_membership(), version=version
        ),
        lazy_gettext("The contract runs again."),
    ),
    "close": Act(
        labels.CONTRACT_ACT["close"],
        lazy_gettext("Nothing of it can be changed afterwards. Everything stays to be read."),
        (),
        lambda contract, _values, version: contract_life.close(contract, by=current_membership(), version=version),
        lazy_gettext("The contract is closed."),
        "danger",
    ),
    "discard": Act(
        labels.CONTRACT_ACT["discard"],
        lazy_gettext(
            "Everything that was entered goes: sites, representatives, requirements, sanction clauses and figures. "
            "It cannot be undone. That you deleted it is noted, and its number is free again."
        ),
        (),
        lambda contract, _values, version: contract_life.discard(contract, by=current_membership(), version=version),
        lazy_gettext("The draft is deleted."),
        "danger",
        leads_home=False,
    ),
}
"""Name of the act in the address -> the act."""


@blueprint.route("/<uuid:public_id>/acts/<name>", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def act(contract: Contract, name: str) -> ResponseReturnValue:
    """One page for each thing that can be done with a contract as it stands."""
    if name not in ACTS:
        raise NotFound
    chosen, status = ACTS[name], 0
    form = FactForm.filled(chosen.questions, {}, contract.version)
    if form.is_submitted():
        values = form.read()
        status = 422
        if values is not None:
            status = form.attempt(lambda: chosen.do(contract, values, form.seen), lambda: contract.version)
        if not status:
            flash(chosen.done, "success")
            home = url_for(".show", public_id=contract.public_id) if chosen.leads_home else url_for(".index")
            return redirect(home, 303)
    elif name not in contract_life.may(contract):
        return redirect(url_for(".show", public_id=contract.public_id), 303)
    open_matters = contract_life.open_matters(contract) if name == "close" else None
    page = render_template(
        "contracts/act.html",
        contract=contract,
        act=chosen,
        form=form,
        name=name,
        open_matters=open_matters,
        failed=bool(status),
    )
    return (page, status) if status else page


# -- change orders -----------------------------------------------------------------------------------------------------


@blueprint.route("/<uuid:public_id>/change-orders/new", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def new_change_order(contract: Contract) -> ResponseReturnValue:
    """Note an agreed change."""
    if request.method == "GET" and contract.state in {ContractState.DRAFT, ContractState.CLOSED}:
        return redirect(url_for(".show", public_id=contract.public_id), 303)
    by = current_membership()
    endable = change_orders.endable(contract)
    form = FactForm.filled(change_orders.FIELDS, {"agreed_on": clock.today(contract.time_zone)}, contract.version)
    chosen, status = set(request.form.getlist("ended")), 0
    if form.is_submitted():
        values = form.read()
        status = 422
        if values is not None:
            status = form.attempt(
                lambda: change_orders.add(contract, values, _picked(endable, chosen), by=by, version=form.seen),
                lambda: contract.version,
            )
        if not status:
            flash(_("The change order is stored."), "success")
            return redirect(url_for(".show", public_id=contract.public_id, _anchor="change-orders"), 303)
    page = render_template(
        "contracts/change_order.html",
        contract=contract,
        form=form,
        endable=[(duty, in_words(contract, duty)) for duty in endable],
        chosen=chosen,
        language=current_language(),
        failed=bool(status),
    )
    return (page, status) if status else page


def _picked(endable: list[Requirement], chosen: set[str]) -> list[Requirement]:
    return [duty for duty in endable if str(duty.public_id) in chosen]
