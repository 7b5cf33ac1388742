"""The trail in words: what things and their columns are called, and what a column held before and after."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from flask_babel import LazyString, format_datetime, gettext
from flask_babel import lazy_gettext as _

from portal import calendars, kinds
from portal.calendars import Period
from portal.kinds import carriers
from portal.kinds.register import STAGES
from portal.model import ContractState, Role
from portal.model.changes import PERSONAL, Changes
from portal.model.personal import Kept
from portal.operations.cases.calculations import BASES
from portal.operations.cases.ladder import STEPS
from portal.operations.contracts.deadline_facts import DEADLINES, NOTICES
from portal.operations.entry.trade_secrets import FILES, NAME_OF_FILES
from portal.operations.trail import Told
from portal.text import Text
from portal.web import events, labels
from portal.web.words import LANGUAGE_NAMES, short_day, shown, words

SUBJECT = {
    "appointment": _("Appointment for one case"),
    "assessment_window": _("Window of assessment"),
    "change_order": _("Change order"),
    "comment": _("Comment"),
    "contract": _("Contract"),
    "contract_import": _("Workbook of contracts"),
    "deployment": _("Machine at work"),
    "deviation": _("Case"),
    "evidence": _("File"),
    "extension_request": _("Request for more time"),
    "identity": _("Way to sign in"),
    "imported_file": _("Workbook of a report"),
    "interest": _("Declared interest"),
    "invitation": _("Invitation"),
    "machine": _("Machine"),
    "membership": _("Member"),
    "notice": _("Notice"),
    "organisation": _("Organisation"),
    "person": _("Person"),
    "planned_figure": _("Planned figure"),
    "program": _("Program"),
    "reply": _("Reply"),
    "report": _("Report"),
    "representative": _("Representative"),
    "requirement": _("Requirement"),
    "ruling": _("The buyer's word on a trade secret"),
    "sanction": _("Sanction"),
    "sanction_clause": _("Sanction clause"),
    "section": _("Part of a report"),
    "site": _("Site"),
    "substitution": _("Substitute"),
    "unit": _("Unit"),
    "weighing": _("Weighing of a point"),
}
"""Table -> what a row of it is called."""

TABLE = {
    "audit_event": _("What you did"),
    "claim": _("Reports you had open"),
    "explanation": _("Reasons you gave for warnings"),
    "extension_request": _("Requests for more time"),
    "human_task": _("Tasks you did"),
    "identity": _("Ways you sign in"),
    "outgoing_mail": _("Letters to you"),
    "passkey": _("Passkeys"),
    "person": _("You"),
    "read_log": _("What you have read"),
    "review": _("Reviews you decided"),
    "revision": _("Reports you signed"),
    "sign_in_attempt": _("Times you tried to sign in"),
    "web_session": _("Where you are signed in"),
    "withdrawal": _("Reports you withdrew"),
}
"""Table -> what its rows are to the person whom they are about, where that is not what a row of it is called."""

COLUMN = {
    "accepted_number": _("Revision in force"),
    "active": _("May sign in"),
    "address": _("Address"),
    "agreed_on": _("Agreed"),
    "amendment_reason": _("Reason for the amendment"),
    "amount": _("Amount"),
    "answer": _("Answer"),
    "answered_at": _("Answered"),
    "arrived_on": _("Arrived"),
    "at_stake": _("At stake"),
    "base": _("Counted of"),
    "base_amount": _("Counted of, amount"),
    "cap_days": _("At most, days"),
    "cap_percent": _("At most, per cent"),
    "carrier": _("Energy carrier"),
    "category": _("Kind of comment"),
    "cause": _("Cause"),
    "clause": _("Clause"),
    "comment": _("Comment"),
    "comparison": _("Comparison"),
    "country": _("Country"),
    "counts": _("Counts"),
    "cured_on": _("Last day of the breach"),
    "currency": _("Currency"),
    "days": _("Days"),
    "decided_at": _("Decided"),
    "deemed_working_days": _("Counts as delivered after, working days"),
    "delivered_at": _("Delivered"),
    "delivered_how": _("How it was delivered"),
    "departed_on": _("Left"),
    "due_at": _("Deadline"),
    "due_counting": _("Days that the deadline counts"),
    "due_days": _("Deadline, days after the period"),
    "due_moves": _("Deadline on a day off"),
    "due_time": _("Time of the deadline"),
    "email": _("E-mail address"),
    "ends_on": _("Last day"),
    "engine_year": _("Year of the engine"),
    "frequency": _("How often it is reported"),
    "from_on": _("From"),
    "grace_days": _("Days without a sanction"),
    "granted_until": _("More time until"),
    "handed_over_on": _("Handed over"),
    "held_until": _("Waits for an answer until"),
    "is_complete": _("Nothing more to add"),
    "kinds": _("Parts of the report"),
    "language": _("Language"),
    "late_by_days": _("Days late"),
    "model": _("Model"),
    "name": _("Name"),
    "new_ends_on": _("New last day"),
    "not_found_at": _("No longer found since"),
    "notice_due_at": _("Time to give notice"),
    "notice_starts": _("When a notice counts"),
    "notice_working_days": _("Time to give notice, working days"),
    "number": _("Number"),
    "old_ends_on": _("Old last day"),
    "opened_at": _("Opened"),
    "outcome": _("Outcome"),
    "overdue_at": _("Overdue since"),
    "promised": _("Promised"),
    "reason": _("Reason"),
    "reasons": _("Reasons"),
    "reference": _("Reference"),
    "reminded_at": _("Reminded"),
    "reply": _("Reply"),
    "reply_due_at": _("Deadline to reply"),
    "reply_working_days": _("Time to reply, working days"),
    "reporting_clause": _("Clause on reporting"),
    "review_begun_at": _("Review begun"),
    "review_due_at": _("Review due"),
    "role_codes": _("Roles"),
    "sent_at": _("Sent"),
    "serial": _("Serial number"),
    "served_at": _("Handed over otherwise"),
    "served_how": _("How it was handed over"),
    "served_to": _("To whom it was handed over"),
    "stage": _("Emission stage"),
    "stance": _("Stance"),
    "starts_on": _("First day"),
    "state": _("State"),
    "step": _("Kind of sanction"),
    "takes_effect_at": _("Counts as given"),
    "text": _("Text"),
    "threshold": _("Threshold"),
    "title": _("Title"),
    "to_on": _("To"),
    "tolerance": _("Tolerance"),
    "unattended_review": _("Approved by itself"),
    "valid_from": _("In force from"),
    "valid_to": _("In force to"),
    "value": _("Value of the contract"),
    "value_change": _("Change of value"),
    "verdict": _("Verdict"),
    "waived": _("Not asked for"),
    "waiver_reason": _("Why it is not asked for"),
    "warns_first": _("Written warning first"),
    "wished_until": _("More time asked for until"),
    "wording": _("Wording"),
}
"""Column -> what it is called. What is not here is too small to be told: it stands in the file, by its number."""

COLUMN_OF = {("ruling", "takes_effect_at"): _("Lifted from")}
"""Table and column -> what the column is called there, where the same name means something else elsewhere."""

READING = {
    "case": _("A case"),
    "case_log": _("The log of a case, as a file"),
    "export": _("Approved reports, as a workbook"),
    "decision": _("A decision, as PDF"),
    "file": _("A file"),
    "import": _("A workbook that was read in"),
    "members": _("The list of members"),
    "program": _("A contract or report, by a program"),
    "redacted": _("A contract's reports without trade secrets"),
    "receipt": _("A receipt, as PDF"),
    "report": _("A report"),
    "secrets": _("What is marked as trade secrets in a contract's reports"),
    "trail": _("The audit trail"),
    "my_data": _("What is kept of oneself"),
}
"""What was read -> words."""

KEPT = {
    Kept.ACCOUNT: _("until you are erased"),
    Kept.RECORD: _("as long as the contract's record; without your name once you are erased"),
    Kept.SERVED: _("as long as the contract's record, as it was served: also after you are erased"),
    Kept.YEAR: _("a year"),
    Kept.QUARTER: _("90 days"),
    Kept.MONTH: _("30 days after it has run out"),
}
"""How long what is personal is kept."""

_STATES: Mapping[str, Mapping[Any, labels.Tag]] = {
    "contract": {**labels.CONTRACT, ContractState.DISCARDED: labels.Tag(_("Discarded"), "plain")},
    "contract_import": labels.IMPORT,
    "deviation": labels.DEVIATION,
    "extension_request": labels.EXTENSION,
    "imported_file": labels.IMPORT,
    "report": labels.REPORT,
    "ruling": labels.RULING,
    "sanction": labels.SANCTION,
}
_CODES: Mapping[str, Mapping[Any, LazyString | Text | str]] = {
    "answer": labels.ANSWER,
    "base": BASES,
    "carrier": {each.key: each.label for each in carriers.choices()},
    "category": {category: tag.label for category, tag in labels.COMMENT.items()},
    "cause": labels.CAUSE,
    "comparison": labels.COMPARISON,
    "counts": labels.COUNTS,
    "language": LANGUAGE_NAMES,
    "stage": {each.key: each.label for each in STAGES},
    "stance": labels.STANCE,
    "step": STEPS,
    "verdict": labels.VERDICT,
}
_AMOUNTS = {"amount", "at_stake", "base_amount", "cap_percent", "value", "value_change", "waived"}
UNTOLD = {("imported_file", "step")}
"""Columns whose names mean something else in another table: how far the reading of a workbook has come is not told."""

_CHOSEN = {fact.key: fact.field for part in (DEADLINES, NOTICES) for fact in part.facts if fact.field.choices}
"""Column of a contract -> the field whose choices say what its codes mean."""


def moment(at: datetime) -> str:
    """A moment in the reader's zone, to the minute."""
    # TRANSLATORS: a CLDR pattern for a moment, such as 14 Sep 2026, 09:30
    return str(format_datetime(at, gettext("d MMM y, HH:mm")))


def action(told: Told) -> str:
    """What was done."""
    return str(events.EVENT.get(told.entry.action, _("Something else was done")))


def subject(told: Told) -> str:
    """What it was done to."""
    return str(SUBJECT.get(told.entry.subject, _("Something else")))


def table(name: str) -> str:
    """What the rows of a table are called."""
    return str(TABLE.get(name) or SUBJECT.get(name) or _("Something else"))


def column(name: str) -> str:
    """What a column is called; its own name where there is no other."""
    return str(COLUMN.get(name, name))


def changes(told: Told) -> Iterator[str]:
    """Which mark was judged, where it is about one; then what changed, a sentence each."""
    if told.entry.subject == "ruling":
        yield _mark(told.entry.facts)
    yield from sorted(_changes(told.entry.subject, told.changes))


def _mark(facts: Mapping[str, Any]) -> str:
    """A mark of a trade secret: in which period, revision and part, and what."""
    kind, field = kinds.kinds().get(str(facts.get("kind"))), str(facts.get("field"))
    named = next((each.label for each in kind.fields if each.key == field), None) if kind else None
    days = [date.fromisoformat(facts[each]) for each in ("starts_on", "ends_on") if each in facts]
    where = [
        *([words(calendars.period_name(Period(*days)))] if days else []),
        gettext("revision %(number)s", number=facts.get("revision")),
        words(kind.title) if kind else str(facts.get("kind")),
    ]
    return f"{', '.join(where)}: {words(NAME_OF_FILES if field == FILES else named or field)}"


def _changes(table: str, found: Changes) -> Iterator[str]:
    for column, each in found.items():
        label = COLUMN_OF.get((table, column)) or COLUMN.get(column)
        if label is None or (table, column) in UNTOLD:
            continue
        if each == PERSONAL:
            yield gettext("%(what)s: changed. What it says is personal, and is not in the trail", what=label)
            continue
        before, after = (value_in_words(table, column, value) for value in each)
        if not before and not after:
            yield gettext("%(what)s: changed", what=label)
        elif not before:
            yield gettext("%(what)s: %(after)s", what=label, after=after)
        elif not after:
            yield gettext("%(what)s: %(before)s was taken away", what=label, before=before)
        else:
            yield gettext("%(what)s: from %(before)s to %(after)s", what=label, before=before, after=after)


def value_in_words(table: str, column: str, value: Any) -> str:
    """One value in words; empty for none, and for words that stand by their fingerprint."""
    if value is None or value == "" or isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, list):
        return ", ".join(_member(column, each) for each in value)
    if column in _AMOUNTS:
        return shown(Decimal(value))
    coded = _coded(table, column, value)
    return words(coded) if coded else _dated(column, str(value))


def _coded(table: str, column: str, value: Any) -> LazyString | Text | str | None:
    """What a code means; None for what is no code."""
    if column == "state" and table in _STATES:
        tag = _STATES[table].get(value)
        return tag.label if tag else None
    if column in _CODES:
        return _CODES[column].get(value)
    choice = _CHOSEN[column].choice(str(value)) if column in _CHOSEN else None
    return choice.label if choice else None


def _member(column: str, value: Any) -> str:
    """One of the values of a list in words."""
    if column == "role_codes":
        return str(labels.ROLE.get(_code(Role, value), value))
    kind = kinds.kinds().get(value) if column == "kinds" else None
    return words(kind.title) if kind else str(value)


def _dated(column: str, value: str) -> str:
    try:
        if column.endswith("_on") or column in {"valid_from", "valid_to"}:
            return short_day(date.fromisoformat(value))
        return moment(datetime.fromisoformat(value)) if column.endswith(("_at", "_until")) else value
    except ValueError:
        return value


def _code(codes: type[StrEnum], value: Any) -> Any:
    return codes(value) if value in set(codes) else value
