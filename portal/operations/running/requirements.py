"""Setting a contract's requirements up: added from the catalogue or by hand, changed in a draft, ended by change order.

What runs is never rewritten: a requirement of a running contract is ended on a day and another one added from the next,
both by the change order that agreed it. Which of the two a report is held against is decided by its period's last day.
"""

from dataclasses import asdict
from datetime import date, timedelta

from portal import calendars
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Problem
from portal.model import ChangeOrder, Contract, ContractState, Membership, Requirement, record
from portal.model.base import Json
from portal.operations.cases import breaches, cures
from portal.operations.contracts import duties
from portal.operations.contracts.contract_gate import demand_editor, touch
from portal.operations.contracts.duties import Terms
from portal.text import Text

RUNS = Text(
    "Kontrakten løper. Krav endres bare ved en endringsordre.",
    "The contract is running. Requirements change only by a change order.",
)
NOT_ITS_ORDER = Text(
    "Endringsordren gjelder fra {day}. Kravet kan ikke gjelde før det.",
    "The change order is in force from {day}. The requirement cannot be in force before that.",
)
ENDS_TOO_EARLY = Text("Siste dag kan ikke være før {day}.", "The last day cannot be before {day}.")
HAS_CLAUSE = Text(
    "En sanksjonsbestemmelse bygger på kravet. Fjern den først.",
    "A sanction clause rests on the requirement. Remove that first.",
)
NOT_THE_SAME = Text(
    "Et krav kan bare erstatte et krav til det samme i denne kontrakten.",
    "A requirement can only replace one about the same figure in this contract.",
)
NOT_ENDED = Text(
    "Kravet i punkt {clause} må avsluttes før det nye kan gjelde. Avslutt det med endringsordren først.",
    "The requirement of clause {clause} must end before the new one is in force. End it by the change order first.",
)
REPLACED_ALREADY = Text(
    "Kravet i punkt {clause} er alt erstattet av et annet.", "The requirement of clause {clause} has been replaced."
)
ENDED_ALREADY = Text("Kravet er allerede avsluttet.", "The requirement has already been ended.")


def add(  # noqa: PLR0913 - what is asked for, by which change order, and in whose place
    contract: Contract,
    terms: Terms,
    *,
    by: Membership,
    version: int,
    order: ChangeOrder | None = None,
    replaces: Requirement | None = None,
) -> Requirement:
    """Put a requirement into a contract; into one that runs by the change order that agreed it.

    `replaces`: the ended requirement that this is the changed form of. It keeps its sanction clause, and what was
    warned of before counts still.

    Raises:
        Conflict: somebody changed the contract since it was read.
        Refused: the contract runs, and no change order was named.
        Invalid: something about it cannot be; the problems say which field.
    """
    demand_editor(contract, by=by, version=version)
    _demand_order(contract, terms.valid_from, order)
    _demand_sense(contract, terms)
    if replaces is not None:
        _demand_replaceable(contract, terms, replaces)
    requirement = Requirement(
        **contract.parties,
        change_order_id=order.id if order else None,
        continues=(replaces.continues or replaces) if replaces else None,
    )
    _fill(requirement, terms)
    contract.requirements.append(requirement)
    touch(contract)
    facts = {"order": order.reference if order else "", "replaces": str(replaces.public_id) if replaces else ""}
    record(requirement, "requirement.added", by=by, **_said(terms), **facts)
    return requirement


def replaceable(contract: Contract, kind: str, indicator: str) -> list[Requirement]:
    """What a new requirement about a figure may be the changed form of: ended, and not replaced yet; newest first."""
    same = [each for each in contract.requirements if (each.kind, each.indicator) == (kind, indicator)]
    ended = [each for each in same if each.valid_to is not None and not _replaced(each)]
    return sorted(ended, key=lambda each: (each.valid_to or date.max, each.id), reverse=True)


def _replaced(requirement: Requirement) -> bool:
    """Whether a later form of the same requirement is there."""
    forms = [each for each in requirement.contract.requirements if each.origin_id == requirement.origin_id]
    return any(each.id > requirement.id for each in forms)


def change(requirement: Requirement, terms: Terms, *, by: Membership, version: int) -> None:
    """Rewrite a requirement of a contract that is only drafted. Raises as `add`."""
    contract = requirement.contract
    demand_editor(contract, by=by, version=version)
    _demand_draft(contract)
    _demand_sense(contract, terms, requirement)
    _fill(requirement, terms)
    touch(contract)
    record(requirement, "requirement.changed", by=by, **_said(terms))


def remove(requirement: Requirement, *, by: Membership, version: int) -> None:
    """Take a requirement out of a contract that is only drafted. Raises as `add`."""
    contract = requirement.contract
    demand_editor(contract, by=by, version=version)
    _demand_draft(contract)
    if any(clause.requirement_id == requirement.id for clause in contract.clauses):
        raise Refused(HAS_CLAUSE)
    record(contract, "requirement.removed", by=by, requirement=str(requirement.public_id), clause=requirement.clause)
    contract.requirements.remove(requirement)
    db.session.delete(requirement)
    touch(contract)


def end(requirement: Requirement, last_day: date, *, by: Membership, version: int, order: ChangeOrder | None) -> None:
    """Let a requirement of a running contract apply no longer than to `last_day`. Raises as `add`."""
    contract = requirement.contract
    demand_editor(contract, by=by, version=version)
    if requirement.valid_to is not None and requirement.valid_to <= last_day:
        raise Invalid(ENDED_ALREADY, (Problem("ended", ENDED_ALREADY, "last_day"),))
    _demand_order(contract, last_day + timedelta(days=1), order, "last_day")
    if last_day < requirement.valid_from - timedelta(days=1):
        words = ENDS_TOO_EARLY.with_values(day=calendars.day_name(requirement.valid_from - timedelta(days=1)))
        raise Invalid(words, (Problem("order", words, "last_day"),))
    requirement.valid_to = last_day
    touch(contract)
    reference = order.reference if order else ""
    record(requirement, "requirement.ended", by=by, last_day=last_day.isoformat(), order=reference)
    breaches.note_ended(requirement)
    cures.follow(contract)


# -- refused ------------------------------------------------------------------------------------------------------


def _demand_draft(contract: Contract) -> None:
    if contract.state != ContractState.DRAFT:
        raise Refused(RUNS)


def _demand_order(contract: Contract, first: date, order: ChangeOrder | None, place: str = "valid_from") -> None:
    """Of what runs only a change order changes anything, and only from its own day on."""
    if contract.state == ContractState.DRAFT:
        return
    if order is None or order.contract_id != contract.id:
        raise Refused(RUNS)
    if first < order.from_on:
        words = NOT_ITS_ORDER.with_values(day=calendars.day_name(order.from_on))
        raise Invalid(words, (Problem("order", words, place),))


def _demand_replaceable(contract: Contract, terms: Terms, replaced: Requirement) -> None:
    words = None
    if replaced.contract_id != contract.id or (replaced.kind, replaced.indicator) != (terms.kind, terms.indicator):
        words = NOT_THE_SAME
    elif _replaced(replaced):
        words = REPLACED_ALREADY.with_values(clause=replaced.clause)
    elif replaced.valid_to is None or replaced.valid_to >= terms.valid_from:
        words = NOT_ENDED.with_values(clause=replaced.clause)
    if words is not None:
        raise Invalid(words, (Problem("replaces", words, "replaces"),))


def _demand_sense(contract: Contract, terms: Terms, own: Requirement | None = None) -> None:
    problems = [Problem("requirement", text, place) for place, text in duties.faults(contract, terms, own)]
    if problems:
        raise Invalid(problems[0].text, tuple(problems))


def _fill(requirement: Requirement, terms: Terms) -> None:
    """Put what was agreed into the row. A scope says only what it leaves out."""
    for name, value in asdict(terms).items():
        if name not in {"steps", "scope", "clause", "wording", "promised_source"}:
            setattr(requirement, name, value)
    requirement.clause, requirement.wording = terms.clause.strip(), terms.wording.strip()
    requirement.promised_source = terms.promised_source.strip()
    requirement.scope = {name: list(chosen) for name, chosen in terms.scope.items() if chosen}
    requirement.steps = [{"from": day.isoformat(), "threshold": limit} for day, limit in sorted(terms.steps)]


def _said(terms: Terms) -> Json:
    said: Json = {"kind": terms.kind, "indicator": terms.indicator, "comparison": str(terms.comparison)}
    return said | {
        "threshold": terms.threshold,
        "window": str(terms.window),
        "clause": terms.clause,
        "from": terms.valid_from.isoformat(),
        "to": terms.valid_to.isoformat() if terms.valid_to else None,
    }
