"""What a breach costs: the clauses of a contract, read by both parties, written by the buyer while it is drafted."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import kinds, quantities
from portal.errors import Conflict, Invalid, Refused
from portal.extensions import transaction
from portal.kinds.base import Field, Parsed, Problem
from portal.model import ClauseForm, Contract, ContractState, Requirement, SanctionClause
from portal.operations import lookup
from portal.operations.cases import clauses, previews
from portal.permissions import Permission, allowed
from portal.text import Text
from portal.web.access import current_membership, requires
from portal.web.contracts import clause_forms
from portal.web.contracts.machine_forms import DescribedForm

blueprint = Blueprint("sanction_clauses", __name__)
blueprint.add_app_template_filter(clauses.in_words, "clause_in_words")


@blueprint.get("/contracts/<uuid:public_id>/sanction-clauses")
@requires(Permission.CONTRACT_READ, Contract)
def index(contract: Contract) -> ResponseReturnValue:
    """The clauses of a contract in plain words, and what each would have given so far."""
    by = current_membership()
    may_edit = allowed(by, Permission.CONTRACT_EDIT) and by.organisation_id == contract.buyer_id
    return render_template(
        "sanction_clauses/index.html",
        contract=contract,
        previews=previews.of(contract, by=by),
        may_edit=may_edit and contract.state != ContractState.CLOSED,
        is_draft=contract.state == ContractState.DRAFT,
        may_add=contract.state == ContractState.DRAFT or bool(clauses.without_own(contract)),
        names=_names(contract),
    )


@blueprint.route("/contracts/<uuid:public_id>/sanction-clauses/new", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def new(contract: Contract) -> ResponseReturnValue:
    """Choose what the clause asks for, then fill in what that form needs.

    In a contract that runs only for a new requirement, by the change order that brought it.
    """
    if contract.state != ContractState.DRAFT and not clauses.without_own(contract):
        raise Refused(clauses.AGREED)
    form = _form_of(request.values.get("form", ""))
    if form is None:
        return render_template("sanction_clauses/choose.html", contract=contract, forms=clause_forms)
    return _edited(
        contract,
        form,
        None,
        lambda found, version: clauses.add(
            contract,
            clause_forms.terms(form, contract, found),
            by=current_membership(),
            version=version,
            order=clause_forms.order_of(contract, found),
        ),
        _("The sanction clause is added."),
    )


@blueprint.route("/sanction-clauses/<uuid:public_id>", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, SanctionClause)
def edit(clause: SanctionClause) -> ResponseReturnValue:
    """Write a clause anew while the contract is a draft; `form` in the address changes what it asks for."""
    contract, form = clause.contract, _form_of(request.values.get("form", "")) or clause.form
    return _edited(
        contract,
        form,
        clause,
        lambda found, version: clauses.change(
            clause, clause_forms.terms(form, contract, found), by=current_membership(), version=version
        ),
        _("The sanction clause is changed."),
    )


@blueprint.post("/sanction-clauses/<uuid:public_id>/remove")
@requires(Permission.CONTRACT_EDIT, SanctionClause)
def remove(clause: SanctionClause) -> ResponseReturnValue:
    """Take a clause out of a draft."""
    contract = clause.contract
    with transaction():
        clauses.remove(clause, by=current_membership(), version=_version())
    flash(_("The sanction clause is removed."), "success")
    return redirect(url_for(".index", public_id=contract.public_id), 303)


@blueprint.route("/sanction-clauses/<uuid:public_id>/rates", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, SanctionClause)
def add_rate(clause: SanctionClause) -> ResponseReturnValue:
    """A new rate from a day on, under a change order once the contract runs."""
    contract, fields = clause.contract, clause_forms.rate_fields(clause)
    form = DescribedForm.of(fields)()
    page = {"clause": clause, "fields": fields, "form": form}
    if not form.is_submitted():
        return render_template("sanction_clauses/rate.html", contract=contract, version=contract.version, **page)

    def act(found: Mapping[str, Parsed]) -> None:
        order = clause_forms.order_of(contract, found)
        amount, day = cast("Decimal", found["rate"]), found["valid_from"]
        clauses.add_rate(clause, amount, day, order, by=current_membership(), version=_version())  # type: ignore[arg-type]

    status, words = _tried(form, fields, act)
    if status != 303:  # noqa: PLR2004 - HTTP's own
        return render_template("sanction_clauses/rate.html", **page, **_refused(contract, status, words)), status
    flash(_("The new rate is added."), "success")
    return redirect(url_for(".index", public_id=contract.public_id), 303)


def _edited(
    contract: Contract,
    kind: ClauseForm,
    clause: SanctionClause | None,
    write: Callable[[Mapping[str, Parsed], int], object],
    done: str,
) -> ResponseReturnValue:
    """Show the form; show what it means; store it. What cannot be stored is said there, with all that was written."""
    by_order = clause is None and contract.state != ContractState.DRAFT
    fields = clause_forms.fields(kind, contract, _names(contract), by_order=by_order)
    form = DescribedForm.of(fields)(data=clause_forms.filled(clause) if clause else {"grace_days": "0"})
    page = {"kind": kind, "clause": clause, "fields": fields, "form": form, "forms": clause_forms}
    if not form.is_submitted():
        return render_template("sanction_clauses/edit.html", contract=contract, version=contract.version, **page)
    if "show" in request.form:
        return _shown(contract, kind, form, page)
    status, words = _tried(form, fields, lambda found: write(found, _version()))
    if status != 303:  # noqa: PLR2004 - HTTP's own
        return render_template("sanction_clauses/edit.html", **page, **_refused(contract, status, words)), status
    flash(done, "success")
    return redirect(url_for(".index", public_id=contract.public_id), 303)


def _shown(
    contract: Contract, kind: ClauseForm, form: DescribedForm, page: Mapping[str, object]
) -> ResponseReturnValue:
    """The form again, with what it would mean in plain words and an example."""
    found = form.read(cast("tuple[Field, ...]", page["fields"]))
    shown = {**page, "contract": contract, "version": _version()}
    if found is None:
        return render_template("sanction_clauses/edit.html", **shown, failed=True), 422
    sketched = clauses.sketch(contract, clause_forms.terms(kind, contract, found))
    return render_template(
        "sanction_clauses/edit.html",
        **shown,
        means=clauses.in_words(sketched),
        example=previews.example(sketched),
    )


def _tried(
    form: DescribedForm, fields: tuple[Field, ...], act: Callable[[Mapping[str, Parsed]], object]
) -> tuple[int, Text | None]:
    """Read and store. The answer's status, and the words of a refusal that stands at no field."""
    found = form.read(fields)
    if found is None:
        return 422, None
    try:
        with transaction():
            act(found)
    except Conflict as first:
        return 409, first.text
    except Refused as refusal:
        return 422, refusal.text
    except Invalid as refusal:
        return 422, _blamed(form, refusal)
    return 303, None


def _refused(contract: Contract, status: int, words: Text | None) -> dict[str, object]:
    """What the page says of an act that came to nothing: the contract as it is stored, what was written still there.

    Whoever was second has read what changed when they send again; whoever only slipped still stands on what they read.
    """
    again = lookup.one(Contract, contract.public_id, current_membership())
    version = again.version if status == 409 else _version()  # noqa: PLR2004 - HTTP's own
    return {"contract": again, "version": version, "refused": words, "failed": True}


def _blamed(form: DescribedForm, refusal: Invalid) -> Text | None:
    at_fields = [each for each in refusal.problems if isinstance(each, Problem) and each.field in form]
    for problem in at_fields:
        form.blame(problem.field, problem.text)
    return None if at_fields else refusal.text


def _names(contract: Contract) -> dict[int, Text]:
    known = {**kinds.kinds(), kinds.WHOLE_SITE.key: kinds.WHOLE_SITE}
    return {duty.id: _name(duty, known) for duty in contract.requirements}


def _name(duty: Requirement, known: Mapping[str, kinds.Kind]) -> Text:
    kind = known.get(duty.kind)
    return clause_forms.name_of(duty, kind.indicator(duty.indicator).title if kind else None)


def _form_of(name: str) -> ClauseForm | None:
    return next((each for each in ClauseForm if each == name), None)


def _version() -> int:
    return quantities.whole_number(request.form.get("version", "")) or 0
