"""A contract's requirements: read by both parties with how they stand, set up by the buyer from a catalogue."""

from datetime import date
from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import calendars, clock, quantities
from portal.errors import Conflict, Invalid, PortalError, Refused
from portal.extensions import transaction
from portal.factors import Basis
from portal.kinds import carriers, starters
from portal.kinds.base import Field, FieldType, Indicator, Kind, Problem
from portal.kinds.starters import Offer
from portal.model import DUTIES_TO_FILE, ChangeOrder, Contract, ContractState, Requirement, Window
from portal.operations.contracts import duties
from portal.operations.figures import figures
from portal.operations.running import requirements
from portal.permissions import Permission, allowed
from portal.text import Text
from portal.web.access import current_membership, requires
from portal.web.contracts import requirement_forms, requirement_views
from portal.web.contracts.requirement_forms import RequirementForm
from portal.web.languages import current_language
from portal.web.words import day_name

blueprint = Blueprint("requirements", __name__)

LAST_DAY = Field("last_day", Text("Siste dag", "Last day"), FieldType.DATE)


class Subject(NamedTuple):
    """What a requirement to be set up is about, and what is proposed for it."""

    offer: Offer | None
    kind: Kind | None
    indicator: Indicator | None
    code: str
    """Key of the indicator."""

    @property
    def title(self) -> Text:
        """What it is called."""
        return self.offer.title if self.offer else self.indicator.title if self.indicator else Text("", "")


@blueprint.get("/contracts/<uuid:public_id>/requirements")
@requires(Permission.CONTRACT_READ, Contract)
def index(contract: Contract) -> ResponseReturnValue:
    """The requirements of a contract and how each stands; whoever may set them up is offered the catalogue."""
    may_edit = allowed(current_membership(), Permission.CONTRACT_EDIT)
    is_open = contract.state == ContractState.DRAFT or bool(contract.change_orders)
    return render_template(
        "requirements/index.html",
        contract=contract,
        requirements=requirement_views.shown(contract),
        basis=(*Basis.load(contract.basis).sentences(), *carriers.counted_in_words(contract.counted)),
        may_edit=may_edit,
        may_add=may_edit and is_open and contract.state != ContractState.CLOSED,
        offers=starters.offers(frozenset(contract.kinds)) if may_edit else [],
        figures=duties.indicators(contract) if may_edit else [],
        is_draft=contract.state == ContractState.DRAFT,
    )


@blueprint.route("/contracts/<uuid:public_id>/requirements/new", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def new(contract: Contract) -> ResponseReturnValue:
    """Add a requirement: one from the catalogue (`offer`), or any `figure` («kind/indicator») of the reports."""
    subject = _subject(contract)
    if subject is None:
        return redirect(url_for(".index", public_id=contract.public_id), 303)
    form = _form(contract, subject)
    if not form.is_submitted():
        return _page(contract, subject, form)
    found, problems = requirement_forms.terms(form, subject.kind, subject.code)
    if found is None:
        return _page(contract, subject, form, problems), 422

    def act() -> None:
        requirements.add(
            contract,
            found,
            by=current_membership(),
            version=_version(),
            order=_order(contract, form.said("order")),
            replaces=_replaced(contract, form.said("replaces")),
        )

    return _acted(contract, subject, form, act, _("The requirement is added."))


@blueprint.route("/requirements/<uuid:public_id>/edit", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Requirement)
def edit(requirement: Requirement) -> ResponseReturnValue:
    """Change a requirement of a contract that is only drafted."""
    contract = requirement.contract
    if contract.state != ContractState.DRAFT:
        raise Refused(requirements.RUNS)
    kind, indicator = requirement_forms.about(requirement.kind, requirement.indicator)
    offer = next((each for each in starters.OFFERS if each.indicator == requirement.indicator), None)
    subject = Subject(offer, kind, indicator, requirement.indicator)
    form = _form(contract, subject, requirement)
    if not form.is_submitted():
        return _page(contract, subject, form, own=requirement)
    found, problems = requirement_forms.terms(form, kind, requirement.indicator)
    if found is None:
        return _page(contract, subject, form, problems, own=requirement), 422

    def act() -> None:
        requirements.change(requirement, found, by=current_membership(), version=_version())

    return _acted(contract, subject, form, act, _("The requirement is changed."), requirement)


@blueprint.post("/requirements/<uuid:public_id>/remove")
@requires(Permission.CONTRACT_EDIT, Requirement)
def remove(requirement: Requirement) -> ResponseReturnValue:
    """Take a requirement out of a contract that is only drafted."""
    contract = requirement.contract
    with transaction():
        requirements.remove(requirement, by=current_membership(), version=_version())
    flash(_("The requirement is removed."), "success")
    return redirect(url_for(".index", public_id=contract.public_id), 303)


@blueprint.route("/requirements/<uuid:public_id>/end", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Requirement)
def end(requirement: Requirement) -> ResponseReturnValue:
    """End a requirement of a running contract on a day, by the change order that agreed it."""
    contract = requirement.contract
    if request.method == "GET":
        return _end_page(requirement)
    day = LAST_DAY.parse(request.form.get("last_day", ""))
    if not isinstance(day, date):
        return _end_page(requirement, (day,) if isinstance(day, Problem) else ()), 422
    try:
        with transaction():
            order = _order(contract, request.form.get("order", ""))
            requirements.end(requirement, day, by=current_membership(), version=_version(), order=order)
    except PortalError as refusal:
        return _end_page(requirement, _problems(refusal, "order")), _status(refusal)
    flash(_("The requirement ends on %(day)s.", day=day_name(day)), "success")
    return redirect(url_for(".index", public_id=contract.public_id), 303)


def _end_page(requirement: Requirement, problems: tuple[Problem, ...] = ()) -> str:
    return render_template(
        "requirements/end.html",
        contract=requirement.contract,
        row=requirement_views.of(requirement),
        problems=[(problem.field, problem.text) for problem in problems],
        entered=request.form,
        failed=bool(problems),
    )


def _subject(contract: Contract) -> Subject | None:
    """What the address asks for, if the contract's reports can show it."""
    offer = starters.offer(request.args.get("offer", ""))
    reported = {kind.key for kind, _indicator in duties.indicators(contract)}
    if offer is not None:
        if not offer.kinds:
            return Subject(offer, None, None, offer.indicator)
        asked = request.args.get("kind", "")
        possible = [key for key in offer.kinds if key in reported]
        if not possible:
            return None
        kind, indicator = requirement_forms.about(asked if asked in possible else possible[0], offer.indicator)
        return Subject(offer, kind, indicator, offer.indicator)
    asked = request.args.get("figure", "")
    for kind, indicator in duties.indicators(contract):
        if f"{kind.key}/{indicator.key}" == asked:
            return Subject(None, kind, indicator, indicator.key)
    return None


def _form(contract: Contract, subject: Subject, own: Requirement | None = None) -> RequirementForm:
    every = [each.value for each in Window] if subject.offer is None else list(subject.offer.windows)
    if own is not None and own.window.value not in every:
        every.append(own.window.value)
    form = RequirementForm.of(contract, subject.kind, subject.indicator, every, subject.code)
    data = requirement_forms.filled(own, subject.indicator) if own else _proposed(contract, subject)
    return form() if request.method == "POST" else form(data=data)


def _proposed(contract: Contract, subject: Subject) -> dict[str, Any]:
    first = contract.starts_on if contract.state == ContractState.DRAFT else clock.today(contract.time_zone)
    ended = requirements.replaceable(contract, subject.kind.key if subject.kind else "", subject.code)
    proposed: dict[str, Any] = {
        "valid_from": calendars.as_typed(first),
        "replaces": str(ended[0].public_id) if ended else "",
    }
    if subject.offer is None:
        is_better = subject.indicator is not None and subject.indicator.lower_is_better
        return proposed | {"comparison": "at_most" if is_better else "at_least"}
    offer, kind, indicator = subject.offer, subject.kind, subject.indicator
    limit = (
        figures.limit_in_words(kind, indicator, offer.threshold)
        if kind is not None and indicator is not None
        else requirement_views.DAYS.with_values(days=offer.threshold)
    )
    wording = offer.wording.with_values(threshold=limit).to(current_language())
    said = {"comparison": offer.comparison, "threshold": offer.threshold, "window": offer.windows[0]}
    clause = contract.reporting_clause if subject.code in DUTIES_TO_FILE else ""
    return proposed | said | {"wording": wording.replace("\u00a0", " "), "clause": clause}


def _acted(  # noqa: PLR0913, PLR0917 - what is to be done, and what is shown when it cannot be
    contract: Contract,
    subject: Subject,
    form: RequirementForm,
    act: Any,
    done: str,
    own: Requirement | None = None,
) -> ResponseReturnValue:
    try:
        with transaction():
            act()
    except (Invalid, Conflict, Refused) as refusal:
        page = _page(contract, subject, form, _problems(refusal, "order"), own=own, overtaken=_overtaken(refusal))
        return page, _status(refusal)
    flash(done, "success")
    return redirect(url_for(".index", public_id=contract.public_id), 303)


def _page(  # noqa: PLR0913 - what a page shows
    contract: Contract,
    subject: Subject,
    form: RequirementForm,
    problems: Any = (),
    *,
    own: Requirement | None = None,
    overtaken: Text | None = None,
) -> str:
    return render_template(
        "requirements/form.html",
        contract=contract,
        subject=subject,
        form=form,
        own=own,
        rest=form.blame([each for each in problems if overtaken is None]),
        steps=range(requirement_forms.STEPS),
        overtaken=overtaken,
        failed=bool(problems) or overtaken is not None,
        kinds_to_choose=_others(contract, subject) if own is None else [],
    )


def _others(contract: Contract, subject: Subject) -> list[Kind]:
    """The other kinds that the same offer can be about in this contract."""
    if subject.offer is None:
        return []
    known = {kind.key: kind for kind, _indicator in duties.indicators(contract)}
    return [known[key] for key in subject.offer.kinds if key in known and known[key] != subject.kind]


def _problems(refusal: PortalError, place: str) -> tuple[Problem, ...]:
    found = tuple(each for each in getattr(refusal, "problems", ()) if isinstance(each, Problem))
    return found or (Problem("refused", refusal.text, place),)


def _overtaken(refusal: PortalError) -> Text | None:
    return refusal.text if isinstance(refusal, Conflict) else None


def _status(refusal: PortalError) -> int:
    return 409 if isinstance(refusal, Conflict) else 422


def _order(contract: Contract, public_id: str) -> ChangeOrder | None:
    return next((each for each in contract.change_orders if str(each.public_id) == public_id), None)


def _replaced(contract: Contract, public_id: str) -> Requirement | None:
    return next((each for each in contract.requirements if str(each.public_id) == public_id), None)


def _version() -> int:
    return quantities.whole_number(request.form.get("version", "")) or 0
