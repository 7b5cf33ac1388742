"""Statements that do not begin with `permissions.visible`, read from the syntax tree, and why each of them may be.

On SQLite the code is the only layer between competitors, so a new one is refused until somebody has thought about it:
begin the statement with `permissions.visible`, or name its place here under the reason that holds for it.
"""

import ast
from collections.abc import Iterator, Mapping

from portal import resources
from portal.extensions import Base
from portal.model import policies

OF_WHAT_WAS_FOUND = "rows of what the caller found by `visible` or works on; the statement names it"
NARROWS = "narrows a statement that the caller began with `visible`"
OF_ONE_PERSON = "one person's own, by their number or address, whomever they act for: they asked, or the operator did"
OF_WHO_ACTS = "a list that names the acting organisation itself, narrower than `visible`"
WHAT_WAITS = "finds what waits in the whole installation, for a job"
BY_INSIDE_NUMBER = "a number from a job, a process or a row at hand, never from a request"
READ_ANEW = "a row at hand, read anew"
THE_TRAIL = "the chain itself, for the transaction that adds to it or the command that verifies it"
NO_TENANTS = "rows that belong to nobody: the catalogue, the installation"
OF_THE_DATABASE = "speaks to the database of itself: its pragmas, locks, triggers, conditions of an index"
THE_DEMO = "plays the demo, in which everything is made up"

ALLOWED: Mapping[str, str] = {
    "demo.finding.cases": THE_DEMO,
    "demo.finding.contract": THE_DEMO,
    "demo.finding.plant_of": THE_DEMO,
    "demo.finding.report": THE_DEMO,
    "demo.play._contract": THE_DEMO,
    "demo.time._deliver_mail": THE_DEMO,
    "demo.time.pass_until": THE_DEMO,
    "extensions._begin_sqlite": OF_THE_DATABASE,
    "jobs.database.migrate": OF_THE_DATABASE,
    "jobs.locks.ServerLock._locked": OF_THE_DATABASE,
    "jobs.locks.ServerLock._stay": OF_THE_DATABASE,
    "model.audit._locked_head": THE_TRAIL,
    "model.groups.GroupMember": OF_THE_DATABASE,
    "model.contracts.PlannedFigure": OF_THE_DATABASE,
    "model.contracts.ReportingPeriod": OF_THE_DATABASE,
    "model.guards._install_on_postgresql": OF_THE_DATABASE,
    "model.guards._install_on_sqlite": OF_THE_DATABASE,
    "model.guards._refuse_on_postgresql": OF_THE_DATABASE,
    "model.guards._there": OF_THE_DATABASE,
    "model.guards.remove": OF_THE_DATABASE,
    "model.mail.OutgoingMail": OF_THE_DATABASE,
    "model.people.Person": OF_THE_DATABASE,
    "model.policies._grant": OF_THE_DATABASE,
    "model.policies._guard": OF_THE_DATABASE,
    "model.policies.found": OF_THE_DATABASE,
    "model.policies.install": OF_THE_DATABASE,
    "model.policies.remove": OF_THE_DATABASE,
    "model.policies.roles": OF_THE_DATABASE,
    "one_case._contracts": NARROWS,
    "one_case._evidence": NARROWS,
    "one_case._reports": NARROWS,
    "one_case._tasks": NARROWS,
    "operations.accounts._substitutes_of": OF_WHAT_WAS_FOUND,
    "operations.accounts.alone_with": READ_ANEW,
    "operations.accounts.end_substitutions": OF_WHAT_WAS_FOUND,
    "operations.accounts.is_demo": NO_TENANTS,
    "operations.anchors._acts": OF_WHAT_WAS_FOUND,
    "operations.anchors._entries_at": THE_TRAIL,
    "operations.anchors.heads": THE_TRAIL,
    "operations.anchors.standing": OF_WHAT_WAS_FOUND,
    "operations.audit._entries": THE_TRAIL,
    "operations.audit._fault_of_anchor": THE_TRAIL,
    "operations.audit.trail": OF_WHAT_WAS_FOUND,
    "operations.cases.breach_days._away": OF_WHAT_WAS_FOUND,
    "operations.cases.breaches._note_gone": OF_WHAT_WAS_FOUND,
    "operations.cases.breaches.note_ended": OF_WHAT_WAS_FOUND,
    "operations.cases.clocks._steps": OF_WHAT_WAS_FOUND,
    "operations.cases.counted_once._of_report": OF_WHAT_WAS_FOUND,
    "operations.cases.cures._open_in": OF_WHAT_WAS_FOUND,
    "operations.cases.cures.follow_up": BY_INSIDE_NUMBER,
    "operations.cases.cures.is_waiting": BY_INSIDE_NUMBER,
    "operations.cases.cures.watched": WHAT_WAITS,
    "operations.cases.deviations.before": OF_WHAT_WAS_FOUND,
    "operations.cases.deviations.find": OF_WHAT_WAS_FOUND,
    "operations.cases.gone._was_said_of_settled": OF_WHAT_WAS_FOUND,
    "operations.cases.gone.absences": OF_WHAT_WAS_FOUND,
    "operations.cases.judged_next.Judged.of": OF_WHAT_WAS_FOUND,
    "operations.cases.judged_next._with_the_buyer": OF_WHAT_WAS_FOUND,
    "operations.cases.ladder._sanctioned": OF_WHAT_WAS_FOUND,
    "operations.cases.ladder.of_same": OF_WHAT_WAS_FOUND,
    "operations.cases.letters.lines_behind": OF_WHAT_WAS_FOUND,
    "operations.cases.notices.note_delivery": READ_ANEW,
    "operations.cases.previews._cases": OF_WHAT_WAS_FOUND,
    "operations.cases.replies": OF_WHAT_WAS_FOUND,
    "operations.cases.sanction_register._narrowed": NARROWS,
    "operations.cases.sanctions._weigh_ladder_anew": OF_WHAT_WAS_FOUND,
    "operations.cases.stakes._beside": OF_WHAT_WAS_FOUND,
    "operations.cases.stakes.outdated": WHAT_WAITS,
    "operations.cases.stakes.recount": BY_INSIDE_NUMBER,
    "operations.contracts.agreements._taken": OF_WHO_ACTS,
    "operations.contracts.agreements.gone_through": OF_WHAT_WAS_FOUND,
    "operations.contracts.contract_days.filed": OF_WHAT_WAS_FOUND,
    "operations.contracts.contract_gate.demand_editor": READ_ANEW,
    "operations.contracts.contract_lists.remove_site": OF_WHAT_WAS_FOUND,
    "operations.contracts.contracts._choices": OF_WHAT_WAS_FOUND,
    "operations.contracts.contracts._kept_version": NO_TENANTS,
    "operations.contracts.contracts._pinned": NO_TENANTS,
    "operations.contracts.contracts.deployments_in": OF_WHAT_WAS_FOUND,
    "operations.contracts.duties.organisations": OF_WHAT_WAS_FOUND,
    "operations.contracts.scopes._reporter": NO_TENANTS,
    "operations.deadlines.note": OF_WHAT_WAS_FOUND,
    "operations.demo_copy._copy": OF_THE_DATABASE,
    "operations.demo_copy.bring_back": OF_THE_DATABASE,
    "operations.demo_copy.keep": OF_THE_DATABASE,
    "operations.entry.drafts._revisions_before": OF_WHAT_WAS_FOUND,
    "operations.entry.drafts.open_section": READ_ANEW,
    "operations.entry.evidence._in_draft": OF_WHAT_WAS_FOUND,
    "operations.entry.evidence.of_revisions": OF_WHAT_WAS_FOUND,
    "operations.entry.evidence.put_back_as": OF_WHAT_WAS_FOUND,
    "operations.entry.imports.newest": OF_WHAT_WAS_FOUND,
    "operations.figures.stretches._lines_of": OF_WHAT_WAS_FOUND,
    "operations.figures.stretches._measures_of": OF_WHAT_WAS_FOUND,
    "operations.figures.stretches.accepted_amounts": OF_WHAT_WAS_FOUND,
    "operations.figures.stretches.reports_in": OF_WHAT_WAS_FOUND,
    "operations.figures.windows.Book.of": OF_WHAT_WAS_FOUND,
    "operations.figures.windows._by_report": OF_WHAT_WAS_FOUND,
    "operations.figures.windows.is_waiting": BY_INSIDE_NUMBER,
    "operations.figures.windows.standing": OF_WHAT_WAS_FOUND,
    "operations.figures.windows.watched": WHAT_WAITS,
    "operations.first_steps._done": OF_WHO_ACTS,
    "operations.first_steps._since": NO_TENANTS,
    "operations.lookup.by_number": BY_INSIDE_NUMBER,
    "operations.mail.claim": BY_INSIDE_NUMBER,
    "operations.mail.unsent": WHAT_WAITS,
    "operations.papers.amounts": THE_TRAIL,
    "operations.people.appointments.of_invitation": OF_WHAT_WAS_FOUND,
    "operations.people.bounces.note": BY_INSIDE_NUMBER,
    "operations.people.invitations._open_one": OF_WHAT_WAS_FOUND,
    "operations.people.members._end": OF_WHO_ACTS,
    "operations.people.own_data._close_former_employers": OF_ONE_PERSON,
    "operations.people.own_data._forget_in_cases": OF_ONE_PERSON,
    "operations.people.own_data._forget_in_grounds": OF_ONE_PERSON,
    "operations.people.own_data._forget_in_letters": OF_ONE_PERSON,
    "operations.people.own_data._ways_in": OF_ONE_PERSON,
    "operations.people.own_data.collected": OF_ONE_PERSON,
    "operations.people.own_data.erase": OF_ONE_PERSON,
    "operations.people.sights._name": OF_WHO_ACTS,
    "operations.people.sights.limit": OF_WHAT_WAS_FOUND,
    "operations.people.sights.named_for": OF_WHAT_WAS_FOUND,
    "operations.people.substitutes._open": OF_ONE_PERSON,
    "operations.processes._definition": NO_TENANTS,
    "operations.processes._newest": OF_WHAT_WAS_FOUND,
    "operations.processes._open_tasks": OF_WHAT_WAS_FOUND,
    "operations.processes.due": WHAT_WAITS,
    "operations.processes.first_opened": OF_WHAT_WAS_FOUND,
    "operations.processes.last_closed": OF_WHAT_WAS_FOUND,
    "operations.processes.task_of": OF_WHAT_WAS_FOUND,
    "operations.processes.tick": BY_INSIDE_NUMBER,
    "operations.readings.is_noted": OF_ONE_PERSON,
    "operations.readings.of": OF_WHO_ACTS,
    "operations.reports.chasing._reminded_at": OF_WHAT_WAS_FOUND,
    "operations.reports.chasing._unfiled": OF_WHO_ACTS,
    "operations.reports.chasing.told": OF_WHAT_WAS_FOUND,
    "operations.reports.claims._own": OF_WHAT_WAS_FOUND,
    "operations.reports.claims.of": OF_WHAT_WAS_FOUND,
    "operations.reports.claims.release": OF_WHAT_WAS_FOUND,
    "operations.reports.comments.on": OF_WHAT_WAS_FOUND,
    "operations.reports.extensions._hold": READ_ANEW,
    "operations.reports.extensions.count_to_answer": OF_WHO_ACTS,
    "operations.reports.extensions.to_answer": OF_WHO_ACTS,
    "operations.reports.filings._known": OF_WHAT_WAS_FOUND,
    "operations.reports.periods._filed_once": OF_WHAT_WAS_FOUND,
    "operations.reports.periods._signed_days": OF_WHAT_WAS_FOUND,
    "operations.reports.periods._unsigned": OF_WHAT_WAS_FOUND,
    "operations.reports.periods.open_due_periods": BY_INSIDE_NUMBER,
    "operations.reports.periods.running": WHAT_WAITS,
    "operations.reports.reports.catch_up": BY_INSIDE_NUMBER,
    "operations.reports.reports.overdue_unmarked": WHAT_WAITS,
    "operations.reports.review_queue._is_there_for": NARROWS,
    "operations.reports.review_queue._task_of": OF_WHAT_WAS_FOUND,
    "operations.reports.review_queue._waiting": OF_WHO_ACTS,
    "operations.reports.judgements._known_to_the_trail": OF_WHAT_WAS_FOUND,
    "operations.reports.judgements._unlike": THE_TRAIL,
    "operations.reports.judgements.unlike_given": THE_TRAIL,
    "operations.reports.redactions._names_kept": OF_WHAT_WAS_FOUND,
    "operations.reports.redactions._names": OF_WHAT_WAS_FOUND,
    "operations.reports.reviews.begin": OF_WHAT_WAS_FOUND,
    "operations.reports.rulings._told_by": BY_INSIDE_NUMBER,
    "operations.reports.rulings.note_untold": OF_WHAT_WAS_FOUND,
    "operations.reports.rulings.object_to": READ_ANEW,
    "operations.reports.signatures._known_to_the_trail": OF_WHAT_WAS_FOUND,
    "operations.reports.signatures._unlike": THE_TRAIL,
    "operations.reports.signatures.unlike_signed": THE_TRAIL,
    "operations.running.beyond._asked_again": OF_WHAT_WAS_FOUND,
    "operations.running.beyond._asked_no_more": OF_WHAT_WAS_FOUND,
    "operations.running.beyond._owed": OF_WHAT_WAS_FOUND,
    "operations.running.beyond._reports_between": OF_WHAT_WAS_FOUND,
    "operations.running.beyond.follow_up": BY_INSIDE_NUMBER,
    "operations.running.beyond.is_waiting": BY_INSIDE_NUMBER,
    "operations.running.beyond.watched": WHAT_WAITS,
    "operations.running.change_orders._end_faults": OF_WHAT_WAS_FOUND,
    "operations.running.contract_accounts._accepted": OF_WHAT_WAS_FOUND,
    "operations.running.contract_accounts.final_account": OF_WHAT_WAS_FOUND,
    "operations.running.contract_life._demand_unreported": OF_WHAT_WAS_FOUND,
    "operations.running.contract_life.open_matters": OF_WHAT_WAS_FOUND,
    "operations.running.machines._reported_after": OF_WHAT_WAS_FOUND,
    "operations.running.machines.alike": OF_WHO_ACTS,
    "operations.running.machines.register": OF_WHO_ACTS,
    "operations.tasks._is_prepared": OF_WHO_ACTS,
    "operations.tasks.counts": OF_WHO_ACTS,
    "operations.tasks.mine": OF_WHO_ACTS,
    "operations.time_asked.chase": BY_INSIDE_NUMBER,
    "operations.time_asked.of": OF_WHAT_WAS_FOUND,
    "operations.time_asked.to_chase": WHAT_WAITS,
    "operations.trail._asked": OF_WHO_ACTS,
    "operations.trail._last": OF_WHO_ACTS,
    "operations.trail.people": OF_WHO_ACTS,
    "permissions.sees": OF_WHAT_WAS_FOUND,
    "schema._demand_sound_references": OF_THE_DATABASE,
    "tenancy": OF_THE_DATABASE,
    "web.api.views._figures": OF_WHAT_WAS_FOUND,
    "web.api.views._in_force": OF_WHAT_WAS_FOUND,
    "web.api.views._lines": OF_WHAT_WAS_FOUND,
    "web.contracts.contract_setup._again": READ_ANEW,
    "web.reports.queue_views._energy": OF_WHAT_WAS_FOUND,
    "web.reports.queue_views._newest_revisions": OF_WHAT_WAS_FOUND,
    "web.reports.queue_views._revisions_before": OF_WHAT_WAS_FOUND,
    "web.sessions._little_patience": OF_THE_DATABASE,
    "work._tell_progress": BY_INSIDE_NUMBER,
    "work.deliver_mail": BY_INSIDE_NUMBER,
    "work.read_import": BY_INSIDE_NUMBER,
    "work.sweep_files": WHAT_WAITS,
    "work.sweep_mail": BY_INSIDE_NUMBER,
}
"""Place -> why it may. A place is module and function."""

MAKES = frozenset({"aliased", "delete", "exists", "insert", "select", "select_from", "update"})
FINDS = frozenset({"bulk_insert_mappings", "bulk_update_mappings", "get", "get_one", "merge", "query", "refresh"})
RAW = frozenset({"exec_driver_sql", "raw_connection"})


def places() -> dict[str, list[str]]:
    """Every place in the portal with such a statement -> where its statements are."""
    found: dict[str, list[str]] = {}
    for file in sorted(resources.PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(resources.PACKAGE).with_suffix("").parts)
        for place, line in in_module(file.read_text(), name):
            found.setdefault(place, []).append(f"{file.relative_to(resources.PACKAGE.parent)}:{line}")
    return found


def in_module(source: str, name: str) -> Iterator[tuple[str, int]]:
    """The places of one module, with the line of each statement."""
    tree = ast.parse(source)
    yield from _below(tree, name, has_text=_takes_text(tree))


def _below(node: ast.AST, place: str, *, has_text: bool) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Attribute) and _is_table(child):
            yield place, child.lineno
        if isinstance(child, ast.Call) and (_goes_round(child) or (has_text and ast.unparse(child.func) == "text")):
            yield place, child.lineno
        inside = f"{place}.{child.name}" if isinstance(child, ast.FunctionDef | ast.ClassDef) else place
        yield from _below(child, inside, has_text=has_text)


def _is_table(node: ast.Attribute) -> bool:
    """The table behind an entity, or Flask-SQLAlchemy's short cut to its rows."""
    of_metadata = node.attr in {"tables", "sorted_tables"} and ast.unparse(node.value).endswith("metadata")
    of_entity = node.attr == "query" and isinstance(node.value, ast.Name) and node.value.id in TENANTS
    return node.attr == "__table__" or of_metadata or of_entity


def _goes_round(call: ast.Call) -> bool:
    called = ast.unparse(call.func).rpartition(".")
    if called[2] in RAW or ast.unparse(call.func) in {"sa.text", "sqlalchemy.text"}:
        return True
    names_tenants = any(_names_a_tenants(each) for each in call.args)
    if called[2] in FINDS:
        return called[0].removesuffix("()") == "db.session" or (called[0].endswith("session") and names_tenants)
    return called[2] in MAKES and names_tenants


def _names_a_tenants(node: ast.expr) -> bool:
    """Whether what is asked for is an entity whose rows belong to somebody, or a column of one."""
    if any(isinstance(each, ast.Attribute) and each.attr == "visible" for each in ast.walk(node)):
        return False
    return any(isinstance(each, ast.Name) and each.id in TENANTS for each in ast.walk(node))


def _takes_text(tree: ast.Module) -> bool:
    """Whether a module's `text` is SQLAlchemy's, and not a word of ours."""
    taken = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    return any(
        alias.name == "text" and (each.module or "").startswith("sqlalchemy") for each in taken for alias in each.names
    )


TENANTS = frozenset(
    mapper.class_.__name__ for mapper in Base.registry.mappers if mapper.class_.__tablename__ in policies.rules()
)
"""Entities whose rows belong to somebody."""
