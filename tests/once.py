"""What is filed once: the plan after the start, and the account after the handover."""

import uuid
from collections.abc import Sequence
from datetime import date

from portal import kinds
from portal.calendars import Period
from portal.extensions import transaction
from portal.model import ACCOUNT_DUTY, Comparison, Contract, PeriodPurpose, Report, Requirement
from portal.operations.contracts import contracts
from portal.operations.entry import drafts
from portal.operations.entry.drafts import RawLine
from portal.operations.reports import reports
from tests.world import World, hand_in


def ask_for(contract: Contract, indicator: str, days: str, valid_from: date | None = None) -> Requirement:
    """The contract asks for a plan or an account within so many days."""
    with transaction():
        duty = Requirement(
            **contract.parties,
            kind="",
            indicator=indicator,
            comparison=Comparison.AT_MOST,
            threshold=days,
            clause="5.2",
            valid_from=valid_from or contract.starts_on,
        )
        contract.requirements.append(duty)
    return duty


def ask_for_account(contract: Contract) -> Requirement:
    """An account within ten days of the handover."""
    return ask_for(contract, ACCOUNT_DUTY, "10")


def open_once(world: World, purpose: PeriodPurpose, days: Period) -> Report:
    """The report of a period that comes once, with the kinds that are for it."""
    contract = world.contract
    regular = contract.kinds
    with transaction():
        contract.kinds = list(kinds.ONCE[purpose.value])
        report = contracts.open_period(contract, days)
        report.period.purpose = purpose
        contract.kinds = regular
    return report


def lines(*rows: dict[str, str]) -> list[RawLine]:
    """Lines as typed, each with a key of its own."""
    return [RawLine(uuid.uuid4(), {"amount_source": "estimate", **row}) for row in rows]


def fill_in(world: World, report: Report, rows: Sequence[RawLine]) -> reports.Summary:
    """Anna fills in the one section that such a report has."""
    [section] = report.sections
    with transaction():
        drafts.save(report, section.kind, rows, by=world.anna, version=report.version)
    return reports.summary(report)


def sign(world: World, report: Report) -> None:
    """Made ready by Anna, signed by Bo."""
    hand_in(report, world)
