"""The worker's door: what jobs and schedules do. Each commits for itself, and does no harm when it runs again."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from sqlalchemy import select

from portal import clock, tenancy
from portal.extensions import db, enqueue, parts, transaction
from portal.model import (
    Contract,
    ContractImport,
    Deviation,
    Evidence,
    ExtensionRequest,
    ImportedFile,
    ImportStep,
    MailState,
    OutgoingMail,
    Process,
    Report,
    Row,
)
from portal.operations import anchors, mail, processes, retention, time_asked
from portal.operations.cases import breaches, cures, stakes
from portal.operations.entry import imports
from portal.operations.figures import windows
from portal.operations.people import identities
from portal.operations.reports import deliveries, periods, reports
from portal.operations.running import beyond

Payload = Mapping[str, object]
Found = TypeVar("Found")

SCHEDULES = {
    "timers.tick": "* * * * *",
    "mail.sweep": "*/5 * * * *",
    "periods.open": "5 * * * *",
    "reports.overdue": "35 * * * *",
    "requests.chase": "45 * * * *",
    "cases.recount": "50 * * * *",
    "files.sweep": "40 3 * * *",
    "people.forget": "10 3 * * *",
    "people.lapse": "15 4 * * *",
    "trail.anchor": "20 2 * * *",
}
"""Scheduled work and its cron expression, read in the installation's time zone."""

_log = logging.getLogger(__name__)


class MailStuck(Exception):
    """A letter could not be handed over now; the job is tried again."""


def deliver_mail(payload: Payload) -> None:
    """Hand one letter over, then write down how it went. The mail server is never waited for inside a transaction."""
    with tenancy.everything(), transaction():
        row = mail.claim(int(str(payload["mail"])))
    if row is None:
        return
    outcome = mail.send(row)
    with tenancy.for_contract(row.contract_id), transaction():
        deliveries.note(db.session.get_one(OutgoingMail, row.id, with_for_update=True, populate_existing=True), outcome)
    if outcome.state == MailState.QUEUED:
        raise MailStuck(outcome.error)


def sweep_mail(_payload: Payload) -> None:
    """Enqueue letters that nobody is at any more, so that a mail server that was down for days loses none."""
    with tenancy.everything(), transaction():
        for number in mail.unsent():
            row = db.session.get_one(OutgoingMail, number)
            enqueue("mail.deliver", {"mail": number}, key=f"mail-{row.public_id}-{row.attempts}-{clock.now():%Y%m%d%H}")


def sweep_files(_payload: Payload) -> None:
    """Remove stored files that nothing rests on: uploads that came to nothing, receipts taken away unsigned."""
    in_use = Evidence.removed_at.is_(None) | Evidence.revision_id.is_not(None)
    with tenancy.everything():
        evidence = db.session.scalars(select(Evidence.sha256).where(in_use))
        workbooks = [db.session.scalars(select(each.sha256)) for each in (ImportedFile, ContractImport)]
        kept = {*evidence, *workbooks[0], *workbooks[1]}
        db.session.rollback()
    parts().store.sweep(kept)


def tick_timers(_payload: Payload) -> None:
    """Fire every due timer, each process in a transaction of its own: one that fails stops no other."""
    after = None
    while batch := _found(partial(processes.due, after)):
        numbers = [each.number for each in batch]
        _each(Process, numbers, processes.tick, "The timers of process %s could not be fired")
        after = batch[-1]


def open_periods(_payload: Payload) -> None:
    """Open the periods whose day has come, fit open ones to their contract, judge the windows that have closed.

    Then note what is asked for no more after a contract's last day, and which breaches have ended by what was judged,
    by that day, or by the last day of a requirement.
    """
    _each(Contract, _found(periods.running), periods.open_due_periods, "The periods of contract %s could not be opened")
    trouble = "The windows of contract %s could not be judged"
    _each(Contract, _found(windows.watched), breaches.judge_windows, trouble, only_if=windows.is_waiting)
    trouble = "What is after the last day of contract %s could not be noted"
    _each(Contract, _found(beyond.watched), beyond.follow_up, trouble, only_if=beyond.is_waiting)
    trouble = "When the breaches of contract %s ended could not be noted"
    _each(Contract, _found(cures.watched), cures.follow_up, trouble, only_if=cures.is_waiting)


def mark_overdue(_payload: Payload) -> None:
    """Mark what is overdue and was not marked by a timer, a report at a time."""
    _each(Report, _found(reports.overdue_unmarked), reports.catch_up, "Report %s could not be marked as overdue")


def chase_requests(_payload: Payload) -> None:
    """Remind buyers of requests for more time that wait for their answer, a request at a time."""
    _each(
        ExtensionRequest, _found(time_asked.to_chase), time_asked.chase, "The buyer could not be reminded of request %s"
    )


def recount_cases(_payload: Payload) -> None:
    """Count what the open cases come to today, for the lists of them, a case at a time."""
    _each(Deviation, _found(stakes.outdated), stakes.recount, "What case %s comes to could not be counted")


def end_lapsed(_payload: Payload) -> None:
    """End the memberships of those whom a directory no longer sends."""
    with tenancy.everything(), transaction():
        count = identities.retire_leavers()
    if count:
        _log.info("%d memberships lapsed", count)


def anchor_trail(_payload: Payload) -> None:
    """Note where every chain of the trail stands, and write it to whoever keeps it outside."""
    with tenancy.everything(), transaction():
        anchors.send()


def keep_no_longer(_payload: Payload) -> None:
    """Remove what has been kept of people for as long as it is needed."""
    with tenancy.everything(), transaction():
        for each in retention.remove():
            _log.info("%s removed: %s", each.rows, each.kind.words.to("en"))


def _read(ask: Callable[[], Found]) -> Found:
    """Ask the database, and let go of it."""
    found = ask()
    db.session.rollback()
    return found


def _found(ask: Callable[[], Found]) -> Found:
    """What waits anywhere in the installation."""
    with tenancy.everything():
        return _read(ask)


def _contract_of(entity: type[Row], number: int) -> int | None:
    column = Contract.id if entity is Contract else entity.contract_id  # type: ignore[attr-defined]
    return _found(lambda: db.session.scalar(select(column).where(entity.id == number)))


def _each(
    entity: type[Row],
    numbers: list[int],
    act: Callable[[int], object],
    trouble: str,
    only_if: Callable[[int], bool] | None = None,
) -> None:
    """Do it for each in a transaction of its own, for the contract that it belongs to.

    `only_if` asks first, so that nobody waits for a writer in vain.
    """
    for number in numbers:
        try:
            with tenancy.for_contract(_contract_of(entity, number)):
                if only_if is not None and not _read(partial(only_if, number)):
                    continue
                with transaction():
                    act(number)
        except Exception:  # noqa: BLE001 - whatever it is, the others get their turn; it comes again with the next run
            _log.exception(trouble, number)


def read_import(payload: Payload) -> None:
    """Read an uploaded workbook in the limited child, hold it against the draft, and store what was found."""
    number = int(str(payload["import"]))
    with tenancy.for_contract(_contract_of(ImportedFile, number)):
        with transaction():
            row = db.session.get(ImportedFile, number)
            order = imports.prepare(row) if row is not None else None
        if row is None or order is None:
            return
        found = imports.read(order, partial(_tell_progress, number))
        result = _read(partial(imports.compare, row, order, found))
        with transaction():
            imports.note(db.session.get_one(ImportedFile, number), result)


def _tell_progress(number: int, step: ImportStep, checked: int, found: int) -> None:
    with transaction():
        imports.progress(db.session.get_one(ImportedFile, number), step, checked, found)


HANDLERS: dict[str, Callable[[Payload], None]] = {
    "cases.recount": recount_cases,
    "files.sweep": sweep_files,
    "imports.read": read_import,
    "mail.deliver": deliver_mail,
    "mail.sweep": sweep_mail,
    "periods.open": open_periods,
    "reports.overdue": mark_overdue,
    "requests.chase": chase_requests,
    "timers.tick": tick_timers,
    "people.forget": keep_no_longer,
    "people.lapse": end_lapsed,
    "trail.anchor": anchor_trail,
}
