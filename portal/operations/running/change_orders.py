"""Agreed changes of a contract that runs: of its value, its last day, its requirements from a day. They only add."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from sqlalchemy import select

from portal import calendars, clock
from portal.errors import Invalid, Refused
from portal.extensions import db
from portal.kinds.base import Field, FieldType, Problem
from portal.model import (
    ChangeOrder,
    Contract,
    ContractState,
    Membership,
    PeriodPurpose,
    Report,
    ReportingPeriod,
    Requirement,
    record,
)
from portal.operations.cases import breaches
from portal.operations.contracts import contract_days
from portal.operations.contracts.contract_facts import LARGEST_VALUE, Values
from portal.operations.contracts.contract_gate import demand_editor
from portal.operations.running import beyond
from portal.operations.running.contract_life import look_at_periods
from portal.text import Text

_A_DAY = Text("dd.mm.åååå.", "dd.mm.yyyy.")
FIELDS = (
    Field(
        "order_reference",
        Text("Nummer på endringsordren", "Number of the change order"),
        FieldType.TEXT,
        longest=60,
        hint=Text("For eksempel EO-3.", "For example CO-3."),
    ),
    Field("agreed_on", Text("Avtalt", "Agreed on"), FieldType.DATE, hint=_A_DAY),
    Field("applies_from", Text("Gjelder fra", "In force from"), FieldType.DATE, hint=_A_DAY),
    Field(
        "change_reason",
        Text("Hva som endres, og hvorfor", "What changes, and why"),
        FieldType.TEXT,
        longest=2000,
    ),
    Field(
        "value_change",
        Text("Endring av verdien", "Change of the value"),
        FieldType.NUMBER,
        required=False,
        minimum=-LARGEST_VALUE,
        maximum=LARGEST_VALUE,
        hint=Text("Uten merverdiavgift. Minus når verdien går ned.", "Without VAT. Minus when the value goes down."),
    ),
    Field(
        "new_ends_on",
        Text("Ny siste dag", "New last day"),
        FieldType.DATE,
        required=False,
        hint=Text("Tomt når varigheten ikke endres.", "Empty when the duration does not change."),
    ),
)

NOT_NOW = Text(
    "En endringsordre hører til en kontrakt som har startet og ikke er avsluttet.",
    "A change order belongs to a contract that has started and is not closed.",
)
TAKEN = Text("Det er en endringsordre med det nummeret.", "There is a change order with that number.")
AGREED_LATER = Text("Velg en dag som har vært, eller i dag.", "Choose a day that has been, or today.")
BEFORE_START = Text("Kontrakten begynte ikke før {first}.", "The contract did not begin before {first}.")
SAME_END = Text("Det er siste dag allerede.", "That is the last day already.")
REPORTED_AFTER = Text(
    "Perioden {period} er rapportert allerede. Siste dag kan ikke være før den er slutt.",
    "The period {period} has been reported already. The last day cannot be before its end.",
)
LESS_THAN_NOTHING = Text("Verdien kan ikke bli mindre enn 0.", "The value cannot become less than 0.")
NO_VALUE = Text("Kontrakten har ingen verdi som kan endres.", "The contract has no value that could change.")
BEGINS_LATER = Text(
    "Kravet i punkt {clause} gjelder fra {first}. Det kan ikke falle bort før det.",
    "The requirement of clause {clause} is in force from {first}. It cannot fall away before.",
)
WRONG = Text("Noe må rettes.", "Something must be corrected.")


def add(contract: Contract, values: Values, ended: list[Requirement], *, by: Membership, version: int) -> ChangeOrder:
    """Note an agreed change. The contract's last day moves with it; `ended`: requirements that fall away from then on.

    Raises Invalid, with the field that is wrong.
    """
    demand_editor(contract, by=by, version=version)
    if contract.state == ContractState.DRAFT:
        raise Refused(NOT_NOW)
    found = list(_faults(contract, values, ended))
    if found:
        raise Invalid(found[0].text if len(found) == 1 else WRONG, tuple(found))
    applies_from, new_end = cast("date", values["applies_from"]), cast("date | None", values.get("new_ends_on"))
    order = ChangeOrder(
        **contract.parties,
        reference=str(values["order_reference"]),
        agreed_on=cast("date", values["agreed_on"]),
        from_on=applies_from,
        reason=str(values["change_reason"]),
        value_change=cast("Decimal | None", values.get("value_change")) or Decimal(0),
        new_ends_on=new_end,
        old_ends_on=contract.ends_on if new_end else None,
    )
    before = contract_days.last_day(contract)
    contract.change_orders.append(order)
    contract.ends_on = new_end or contract.ends_on
    for duty in ended:
        duty.valid_to = applies_from - timedelta(days=1)
    _record(order, ended, by)
    for duty in ended:
        breaches.note_ended(duty)
    look_at_periods(contract)
    beyond.follow(contract, before)
    return order


def _record(order: ChangeOrder, ended: list[Requirement], by: Membership) -> None:
    record(
        order,
        "contract.changed",
        by=by,
        reason=order.reason,
        reference=order.reference,
        value_change=str(order.value_change),
        new_ends_on=order.new_ends_on.isoformat() if order.new_ends_on else "",
        old_ends_on=order.old_ends_on.isoformat() if order.old_ends_on else "",
        ended=[{"clause": duty.clause, "requirement": str(duty.public_id)} for duty in ended],
    )


def _faults(contract: Contract, values: Values, ended: list[Requirement]) -> Iterator[Problem]:
    reference, applies_from = values["order_reference"], cast("date", values["applies_from"])
    if any(each.reference == reference for each in contract.change_orders):
        yield Problem("taken", TAKEN, "order_reference")
    if cast("date", values["agreed_on"]) > clock.today(contract.time_zone):
        yield Problem("not_yet", AGREED_LATER, "agreed_on")
    if applies_from < contract.starts_on:
        yield Problem("order", BEFORE_START.with_values(first=calendars.day_name(contract.starts_on)), "applies_from")
    yield from _end_faults(contract, cast("date | None", values.get("new_ends_on")))
    yield from _value_faults(contract, cast("Decimal | None", values.get("value_change")))
    for duty in ended:
        if duty.valid_from >= applies_from:
            text = BEGINS_LATER.with_values(clause=duty.clause, first=calendars.day_name(duty.valid_from))
            yield Problem("order", text, "ended")


def _end_faults(contract: Contract, new_end: date | None) -> Iterator[Problem]:
    if new_end is None:
        return
    if new_end == contract.ends_on:
        yield Problem("same", SAME_END, "new_ends_on")
    if new_end < contract.starts_on:
        yield Problem("order", BEFORE_START.with_values(first=calendars.day_name(contract.starts_on)), "new_ends_on")
    reported = db.session.scalars(
        select(ReportingPeriod)
        .join(Report, Report.period_id == ReportingPeriod.id)
        .where(
            ReportingPeriod.contract_id == contract.id,
            ReportingPeriod.purpose == PeriodPurpose.REGULAR,
            ReportingPeriod.ends_on > new_end,
            Report.revisions.any(),
        )
        .order_by(ReportingPeriod.starts_on.desc())
    ).first()
    if reported is not None and new_end < contract.ends_on:
        yield Problem("reported", REPORTED_AFTER.with_values(period=reported.name), "new_ends_on")


def _value_faults(contract: Contract, change: Decimal | None) -> Iterator[Problem]:
    if not change:
        return
    now = contract.value_on(date.max)
    if now is None:
        yield Problem("no_value", NO_VALUE, "value_change")
    elif now + change < 0:
        yield Problem("minimum", LESS_THAN_NOTHING, "value_change")


def endable(contract: Contract) -> list[Requirement]:
    """Requirements that have no last day yet."""
    return [duty for duty in contract.requirements if duty.valid_to is None]
