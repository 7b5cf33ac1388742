"""A contract on its way into the portal: drafted, edited part by part, its terms taken from an earlier one."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import inspect, select, update

from portal import permissions
from portal.enhetsregisteret import Standing
from portal.errors import Invalid, Refused
from portal.extensions import db, parts
from portal.kinds.base import Problem
from portal.model import (
    AuditEvent,
    Contract,
    ContractState,
    Membership,
    NamedContract,
    Organisation,
    OrganisationKind,
    PlannedFigure,
    Representative,
    Requirement,
    SanctionClause,
    SanctionRate,
    Site,
    record,
)
from portal.operations import accounts
from portal.operations.contracts import agreement_facts, deadline_facts
from portal.operations.contracts.agreement_facts import PARTIES, REFERENCES, VALUE, bare_number
from portal.operations.contracts.contract_facts import Part, Values, put
from portal.operations.contracts.contract_gate import demand_editor, touch
from portal.operations.contracts.counting_facts import BASIS, COUNTED, KINDS, suggested
from portal.operations.contracts.deadline_facts import DEADLINES, NOTICES
from portal.permissions import Permission
from portal.reach import Sight
from portal.text import Text, same

PARTS: dict[str, Part] = {
    part.key: part for part in (PARTIES, VALUE, REFERENCES, KINDS, BASIS, COUNTED, DEADLINES, NOTICES)
}
"""Key -> facts that are asked for on one page, in the order of the task list."""
CORRECTED = frozenset({REFERENCES.key})
"""Parts that are no terms of the agreement: they may be corrected while it runs."""
COPIED = (KINDS, BASIS, COUNTED, DEADLINES, NOTICES)
"""Parts that a new contract may take from an earlier one."""
BELOW_A_DRAFT = (NamedContract, Site, Representative, PlannedFigure, Requirement, SanctionClause, SanctionRate)
"""Rows that a draft may have below it, each after those that it rests on."""

ONLY_BY_CHANGE_ORDER = Text(
    "Kontrakten er i gang. Det som er avtalt, endres bare med en endringsordre.",
    "The contract runs. What was agreed changes only through a change order.",
)
TAKEN = Text(
    "Dere har allerede en kontrakt med nummer {reference}: {title}.",
    "You already have a contract with number {reference}: {title}.",
)
NEW_SUPPLIER = Text(
    "Vi kjenner ikke organisasjonsnummeret. Skriv navnet, så registrerer vi leverandøren.",
    "We do not know this organisation number. Write the name, and we register the supplier.",
)
NOT_FOUND = {
    Standing.BANKRUPT: Text(
        "{name} er konkurs eller under avvikling, sier Enhetsregisteret. Skriv navnet hvis kontrakten likevel gjelder.",
        "{name} is bankrupt or being wound up, says Enhetsregisteret. Write the name if the contract holds even so.",
    ),
    Standing.DELETED: Text(
        "Leverandøren er slettet fra Enhetsregisteret. Se om nummeret er riktig, eller skriv navnet.",
        "The supplier has been deleted from Enhetsregisteret. See whether the number is right, or write the name.",
    ),
    Standing.UNKNOWN: Text(
        "Enhetsregisteret kjenner ikke nummeret {number}. Se etter en tastefeil, eller skriv navnet.",
        "Enhetsregisteret does not know the number {number}. Look for a mistyped digit, or write the name.",
    ),
    Standing.SILENT: Text(
        "Enhetsregisteret svarer ikke nå. Skriv navnet, så registrerer vi leverandøren.",
        "Enhetsregisteret does not answer now. Write the name, and we register the supplier.",
    ),
    Standing.NOT_ASKED: NEW_SUPPLIER,
}
"""Why the register gives no name for a supplier that is new here."""
NOT_A_SUPPLIER = Text("{name} er oppdragsgiver her, og ikke leverandør.", "{name} is a buyer here, and no supplier.")
_MISTYPED = {Standing.UNKNOWN: "supplier_number"}
WRONG = Text("Noe må rettes.", "Something must be corrected.")
_NEVER_COPIED = frozenset(
    {"id", "public_id", "created_at", "contract_id", "buyer_id", "supplier_id", "change_order_id", "requirement_id"}
) | {"promised", "promised_source", "steps", "continues_id"}
"""Columns that are another contract's own: its keys, what its bidder promised, and the days its steps were agreed for.
"""


def draft(values: Values, *, by: Membership, like: Contract | None = None) -> Contract:
    """Begin a contract with what is known of it; `like`: one of the buyer's own, whose terms it takes.

    Raises Invalid, with the fact that is wrong, when the number is taken or the supplier cannot be.
    """
    permissions.demand(by, Permission.CONTRACT_EDIT)
    _demand_sense(values, by, None)
    supplier = _supplier(values)
    contract = Contract(
        buyer=by.organisation,
        supplier=supplier,
        buyer_id=by.organisation_id,
        supplier_id=supplier.id,
        kinds=[],
        counted={},
        basis=suggested(),
        identifiers=[],
        cpv=[],
        reporting_clause="",
    )
    given = [part for part in PARTS.values() if any(fact.key in values for fact in part.facts)]
    for part in given:
        put(contract, tuple(fact for fact in part.facts if fact.key in values), values)
    db.session.add(contract)
    db.session.flush()
    _let_see(contract, by)
    if like is not None:
        _take_terms(contract, like)
    db.session.flush()
    record(
        contract,
        "contract.drafted",
        by=by,
        reference=contract.reference,
        supplier=supplier.number,
        parts=[part.key for part in (*given, *(COPIED if like else ()))],
        like=like.reference if like else "",
    )
    return contract


def _let_see(contract: Contract, by: Membership) -> None:
    """Whoever is limited sees what they began: it is their unit's, or named for them."""
    limited = by.acts_as
    if limited.sight == Sight.UNIT:
        contract.unit_id = limited.unit_id
    elif limited.sight == Sight.NAMED:
        db.session.add(NamedContract(**contract.parties, membership_id=limited.id))
    db.session.flush()


def edit(contract: Contract, part: Part, values: Values, *, by: Membership, version: int) -> None:
    """Write the facts of one part. A running contract's agreed facts are refused: they change by a change order.

    Raises Conflict when somebody has changed the contract since `version`, Invalid when something is wrong.
    """
    demand_editor(contract, by=by, version=version)
    if contract.state != ContractState.DRAFT and part.key not in CORRECTED:
        raise Refused(ONLY_BY_CHANGE_ORDER)
    _demand_sense(values, by, contract)
    before = contract.supplier
    changed = put(contract, part.facts, values)
    if part is PARTIES:
        _change_supplier(contract, _supplier(values))
        if contract.supplier_id != before.id:
            changed["supplier_number"] = [before.number, contract.supplier.number]
    touch(contract)
    record(contract, "contract.edited", by=by, part=part.key, changed=changed)


def gone_through(contract: Contract) -> frozenset[str]:
    """Keys of the parts that somebody has saved, so that a rule which is left as suggested is known to be meant."""
    facts = db.session.scalars(
        select(AuditEvent.facts).where(
            AuditEvent.contract_id == contract.id, AuditEvent.action.in_(["contract.drafted", "contract.edited"])
        )
    )
    return frozenset(key for each in facts for key in each.get("parts", [each.get("part", "")]) if key)


def supplier_by_number(number: str) -> Organisation | None:
    """The organisation with this number, if it is registered; the number may be written with spaces, NO and MVA."""
    return accounts.organisation_by_number(bare_number(number))


# -- does it make sense ------------------------------------------------------------------------------------------------


def problems(values: Values, *, by: Membership, contract: Contract | None = None) -> list[Problem]:
    """What is wrong with facts by themselves, together, and beside what the portal knows."""
    found = [*agreement_facts.faults(values), *deadline_facts.faults(values)]
    if "reference" in values:
        found += _taken(str(values["reference"]), by, contract)
    if "supplier_number" in values:
        found += _strange_supplier(values)
    return found


def _demand_sense(values: Values, by: Membership, contract: Contract | None) -> None:
    found = problems(values, by=by, contract=contract)
    if found:
        raise Invalid(found[0].text if len(found) == 1 else WRONG, tuple(found))


def _taken(reference: str, by: Membership, contract: Contract | None) -> Iterable[Problem]:
    other = db.session.scalar(
        select(Contract).where(Contract.buyer_id == by.organisation_id, Contract.reference == reference)
    )
    if other is not None and other is not contract:
        text = TAKEN.with_values(reference=same(reference), title=same(other.title))
        yield Problem("taken", text, "reference")


def _strange_supplier(values: Values) -> Iterable[Problem]:
    known = supplier_by_number(str(values["supplier_number"]))
    if known is None and not values.get("supplier_name"):
        number = bare_number(str(values["supplier_number"]))
        entry = parts().register.known(number)
        if entry.standing != Standing.ACTIVE:
            why = NOT_FOUND[entry.standing].with_values(name=same(entry.name), number=same(number))
            yield Problem("new_supplier", why, _MISTYPED.get(entry.standing, "supplier_name"))
    elif known is not None and known.kind != OrganisationKind.SUPPLIER:
        yield Problem("not_a_supplier", NOT_A_SUPPLIER.with_values(name=same(known.name)), "supplier_number")


def find_supplier(values: Values) -> None:
    """Ask the register what a supplier is called that is new here and was given no name.

    Before the transaction that drafts or edits: the register may take its time. What it said is remembered.
    """
    number = bare_number(str(values["supplier_number"]))
    if not values.get("supplier_name") and supplier_by_number(number) is None:
        parts().register.look_up(number)


def _supplier(values: Values) -> Organisation:
    number, written = bare_number(str(values["supplier_number"])), values.get("supplier_name")
    known = supplier_by_number(number)
    if known is not None:
        return known
    entry = parts().register.known(number)
    name, at = (str(written), None) if written else (entry.name, entry.at)
    return accounts.add_organisation(number, name, OrganisationKind.SUPPLIER, at)


def _change_supplier(contract: Contract, supplier: Organisation) -> None:
    """Another supplier of a draft: every row below it is theirs, but for the old one's representatives."""
    if supplier.id == contract.supplier_id:
        return
    for row in [each for each in contract.representatives if each.organisation_id == contract.supplier_id]:
        contract.representatives.remove(row)
        db.session.delete(row)
    contract.supplier, contract.supplier_id = supplier, supplier.id
    db.session.flush()
    for entity in BELOW_A_DRAFT:
        db.session.execute(
            update(entity)
            .where(entity.contract_id == contract.id)
            .values(supplier_id=supplier.id)
            .execution_options(synchronize_session="fetch")
        )


# -- terms of an earlier contract --------------------------------------------------------------------------------------


def _take_terms(contract: Contract, like: Contract) -> None:
    """Kinds, basis, rules, and the requirements and clauses that were in force to the end, from the first day on."""
    for part in COPIED:
        put(contract, part.facts, {fact.key: fact.get(like) for fact in part.facts})
    duties: dict[int, Requirement] = {}
    for old in like.requirements:
        if old.valid_to is None:
            duty = _copied(old, contract, valid_from=contract.starts_on, scope=_without_places(old.scope))
            duties[old.origin_id] = duty
            contract.requirements.append(duty)
    db.session.flush()
    for clause in like.clauses:
        if clause.requirement_id is None or clause.requirement_id in duties:
            own = _copied(clause, contract)
            own.requirement_id = duties[clause.requirement_id].id if clause.requirement_id is not None else None
            own.rates.extend(_copied(rate, contract, valid_from=contract.starts_on) for rate in clause.rates[-1:])
            contract.clauses.append(own)


def _copied(row: Any, contract: Contract, **changes: Any) -> Any:
    """A new row of the same entity on another contract, saying the same."""
    said = {
        column.key: getattr(row, column.key)
        for column in inspect(type(row)).column_attrs
        if column.key not in _NEVER_COPIED and not column.key.endswith("clause_id")
    }
    return type(row)(**{**said, **contract.parties, **changes})


def _without_places(scope: dict[str, Any]) -> dict[str, Any]:
    """A scope without sites and organisations, which are the other contract's own."""
    return {key: chosen for key, chosen in (scope or {}).items() if key == "types"}
