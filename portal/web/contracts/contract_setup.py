"""Setting a contract up: a list of tasks, each a short page, until it can start."""

from collections.abc import Iterable
from typing import NamedTuple

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from portal.extensions import db
from portal.kinds.base import Choice, Field, FieldType, Parsed
from portal.model import Contract, ContractState
from portal.operations.contracts import agreements
from portal.operations.contracts.agreement_facts import PARTIES, REFERENCES, VALUE
from portal.operations.contracts.agreements import PARTS
from portal.operations.contracts.counting_facts import BASIS, COUNTED, KINDS
from portal.operations.contracts.deadline_facts import DEADLINES, NOTICES
from portal.operations.running import contract_life
from portal.operations.running.contract_life import CLAUSES, PLANNED, REPRESENTATIVES, REQUIREMENTS, SITES
from portal.permissions import Permission, allowed
from portal.text import Text, same
from portal.web import lists
from portal.web.access import current_membership, requires
from portal.web.contracts.contracts import blueprint, staffing_of
from portal.web.contracts.fact_forms import FactForm, Question

NEW = "new"
ORDER = (
    PARTIES.key,
    VALUE.key,
    REFERENCES.key,
    SITES,
    REPRESENTATIVES,
    KINDS.key,
    BASIS.key,
    COUNTED.key,
    DEADLINES.key,
    NOTICES.key,
    REQUIREMENTS,
    CLAUSES,
    PLANNED,
)
"""The tasks, in the order in which they are done."""
GROUPS: tuple[tuple[LazyString, tuple[str, ...]], ...] = (
    (lazy_gettext("The agreement"), ORDER[:3]),
    (lazy_gettext("Places and people"), ORDER[3:5]),
    (lazy_gettext("What is reported, and how it counts"), ORDER[5:8]),
    (lazy_gettext("Deadlines"), ORDER[8:10]),
    (lazy_gettext("Requirements and what a breach costs"), ORDER[10:]),
)
OPTIONAL = frozenset({VALUE.key, REFERENCES.key, CLAUSES, PLANNED})
_LISTS = {
    SITES: lazy_gettext("Sites"),
    REPRESENTATIVES: lazy_gettext("Representatives of the parties"),
    REQUIREMENTS: lazy_gettext("Requirements"),
    CLAUSES: lazy_gettext("Sanction clauses"),
    PLANNED: lazy_gettext("Plan and bid figures"),
}
_PAGES = {
    SITES: "contracts.sites",
    REPRESENTATIVES: "contracts.representatives",
    PLANNED: "contracts.planned",
    REQUIREMENTS: "requirements.index",
    CLAUSES: "sanction_clauses.index",
}


class Task(NamedTuple):
    """One part of the set-up: where it is done, and how far it has come."""

    key: str
    label: object
    url: str
    status: LazyString
    tone: str


def tasks_of(contract: Contract, *, may_edit: bool) -> list[tuple[LazyString, list[Task]]]:
    """Every task of the set-up, in groups."""
    lacking = {each.part for each in contract_life.missing(contract)}
    done = _done(contract)
    return [(title, [_task(contract, key, lacking, done, may_edit=may_edit) for key in keys]) for title, keys in GROUPS]


def _task(contract: Contract, key: str, lacking: set[str], done: set[str], *, may_edit: bool) -> Task:
    label = PARTS[key].title if key in PARTS else _LISTS[key]
    return Task(key, label, page_of(contract, key) if may_edit else "", *_status(key, lacking, done))


def _status(key: str, lacking: set[str], done: set[str]) -> tuple[LazyString, str]:
    if key in lacking:
        return (lazy_gettext("Begun"), "info") if key in done else (lazy_gettext("Not begun"), "plain")
    if key in done:
        return lazy_gettext("Done"), "success"
    return (lazy_gettext("Optional"), "neutral") if key in OPTIONAL else (lazy_gettext("As suggested"), "neutral")


def _done(contract: Contract) -> set[str]:
    """Parts that hold something."""
    holds = {
        PARTIES.key: True,
        VALUE.key: contract.value is not None,
        REFERENCES.key: bool(contract.identifiers or contract.cpv),
        SITES: bool(contract.sites),
        REPRESENTATIVES: bool(contract.representatives),
        KINDS.key: bool(contract.kinds),
        COUNTED.key: bool(contract.counted),
        DEADLINES.key: bool(contract.reporting_clause),
        REQUIREMENTS: bool(contract.requirements),
        CLAUSES: bool(contract.clauses),
        PLANNED: bool(contract.planned),
    }
    gone_through = agreements.gone_through(contract) & {NOTICES.key, BASIS.key}
    return {key for key, is_held in holds.items() if is_held} | gone_through


def page_of(contract: Contract, key: str) -> str:
    """The address of a part's page."""
    if key in PARTS:
        return url_for("contracts.part", public_id=contract.public_id, key=key)
    return url_for(_PAGES[key], public_id=contract.public_id)


def after(contract: Contract, key: str) -> str:
    """Where to go on to: the next page of the set-up, or the contract once it runs."""
    if contract.state != ContractState.DRAFT:
        return url_for("contracts.show", public_id=contract.public_id)
    following = ORDER[ORDER.index(key) + 1 :]
    return page_of(contract, following[0]) if following else url_for("contracts.set_up", public_id=contract.public_id)


# -- begun, and gone through part by part ------------------------------------------------------------------------------


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT)
def new() -> ResponseReturnValue:
    """Begin a contract."""
    by = current_membership()
    earlier = [each for each in lists.contracts_of(by) if each.buyer_id == by.organisation_id]
    form = FactForm.filled(_first_questions(earlier), {})
    if not form.is_submitted():
        return render_template("contracts/new.html", form=form, part=PARTIES)
    values = form.read()
    if values is None:
        return render_template("contracts/new.html", form=form, part=PARTIES, failed=True), 422
    like = next((each for each in earlier if str(each.public_id) == values.get("like")), None)
    facts = {fact.key: values[fact.key] for fact in PARTIES.facts}
    agreements.find_supplier(facts)
    drafted: list[Contract] = []
    if status := form.attempt(lambda: drafted.append(agreements.draft(facts, by=by, like=_again(like)))):
        return render_template("contracts/new.html", form=form, part=PARTIES, failed=True), status
    return redirect(url_for(".set_up", public_id=drafted[0].public_id), 303)


def _again(like: Contract | None) -> Contract | None:
    """The same contract inside the writing transaction."""
    return db.session.get_one(Contract, like.id) if like is not None else None


def _first_questions(earlier: Iterable[Contract]) -> list[Question]:
    choices = tuple(Choice(str(each.public_id), same(f"{each.reference} {each.title}")) for each in earlier)
    questions: list[Question] = list(PARTIES.facts)
    if choices:
        questions.append(
            Field(
                "like",
                Text("Ta vilkårene fra en tidligere kontrakt", "Take the terms from an earlier contract"),
                FieldType.CHOICE,
                choices=choices,
                required=False,
                hint=Text(
                    "Rapporttyper, regneregler, frister, krav og sanksjonsbestemmelser kopieres. Du kan endre dem. "
                    "Trinn med datoer og løfter i tilbudet kopieres ikke.",
                    "Kinds of report, ways of counting, deadlines, requirements and sanction clauses are copied. "
                    "You can change them. Steps with dates and what was promised in the bid are not copied.",
                ),
            )
        )
    return questions


@blueprint.get("/<uuid:public_id>/set-up")
@requires(Permission.CONTRACT_READ, Contract)
def set_up(contract: Contract) -> ResponseReturnValue:
    """The tasks of a draft, and what is missing before it can start."""
    if contract.state != ContractState.DRAFT:
        return redirect(url_for(".show", public_id=contract.public_id), 303)
    return _set_up_page(contract, FactForm.filled((), {}, contract.version))


def _set_up_page(contract: Contract, form: FactForm, status: int = 0) -> ResponseReturnValue:
    may_edit = allowed(current_membership(), Permission.CONTRACT_EDIT)
    lacking = [(page_of(contract, each.part), each.text) for each in contract_life.missing(contract)]
    page = render_template(
        "contracts/set_up.html",
        contract=contract,
        groups=tasks_of(contract, may_edit=may_edit),
        lacking=lacking,
        may_edit=may_edit,
        form=form,
        failed=bool(status),
        **staffing_of(contract),
    )
    return (page, status) if status else page


@blueprint.route("/<uuid:public_id>/facts/<key>", methods=["GET", "POST"])
@requires(Permission.CONTRACT_EDIT, Contract)
def part(contract: Contract, key: str) -> ResponseReturnValue:
    """One part of the facts: asked for, or corrected."""
    if key not in PARTS:
        raise NotFound
    asked, by = PARTS[key], current_membership()
    form = FactForm.filled(asked.facts, _known(contract, key), contract.version)
    status = 0
    if form.is_submitted():
        values = form.read()
        if values is None:
            status = 422
        else:
            if asked is PARTIES:
                agreements.find_supplier(values)
            status = form.attempt(
                lambda: agreements.edit(contract, asked, values, by=by, version=form.seen), lambda: contract.version
            )
            if not status:
                flash(_("Stored."), "success")
                return redirect(after(contract, key), 303)
    stored = {fact.key: fact.get(contract) for fact in asked.facts} if form.told else {}
    page = render_template(
        "contracts/part.html", contract=contract, form=form, part=asked, stored=stored, failed=bool(status)
    )
    return (page, status) if status else page


def _known(contract: Contract, key: str) -> dict[str, Parsed]:
    """What the form begins with."""
    return {fact.key: fact.get(contract) for fact in PARTS[key].facts}


@blueprint.post("/<uuid:public_id>/start")
@requires(Permission.CONTRACT_EDIT, Contract)
def start(contract: Contract) -> ResponseReturnValue:
    """Let the contract run."""
    form, by = FactForm.filled((), {}, contract.version), current_membership()
    status = form.attempt(lambda: contract_life.start(contract, by=by, version=form.seen), lambda: contract.version)
    if status:
        return _set_up_page(contract, form, status)
    flash(_("The contract has started. The supplier sees it now, and the first period opens by itself."), "success")
    return redirect(url_for(".show", public_id=contract.public_id), 303)
