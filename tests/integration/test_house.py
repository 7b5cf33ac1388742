"""The house keeps its own rules: guards, routes, tables of words, diagrams and operations fit each other."""

import ast
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, inspect, text

from portal import jobs, kinds, resources
from portal.extensions import Base, prepare_engine
from portal.model import guards, policies
from portal.operations import telling
from portal.operations.service_tasks import SERVICE_TASKS
from portal.operations.tasks import PERMISSION_OF
from portal.permissions import TABLE, Permission
from portal.web import access, events, labels
from portal.workflow import load_definitions
from tests import postgres, ways_round

OPERATIONS = resources.PACKAGE / "operations"
ROUTES = Path(__file__).parent.parent / "routes.txt"


def test_every_guard_is_in_the_database(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert guards.found(connection) == guards.expected(engine.dialect.name)
    engine.dispose()


def test_guards_come_back_when_a_table_is_rebuilt(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    prepare_engine(engine)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        connection.exec_driver_sql("DROP TRIGGER guard_revision_update")
        assert guards.found(connection) != guards.expected("sqlite")
        guards.install(connection)
        assert guards.found(connection) == guards.expected("sqlite")
    engine.dispose()


def test_of_every_action_it_is_said_whom_it_is_told_to() -> None:
    """What no rule names is told to nobody else, but that is to be somebody's decision."""
    assert set(events.EVENT) - set(telling.RULES) == set(), "say in portal/operations/telling.py whom these are told to"
    assert set(telling.RULES) - set(events.EVENT) == set(), "no such action any more"
    assert sum(len(actions) for actions in telling.GROUPS.values()) == len(telling.RULES), "no action has two rules"


def test_every_table_has_a_policy_or_a_reason_to_have_none(database_url: str) -> None:
    engine = create_engine(database_url)
    there = set(inspect(engine).get_table_names()) - jobs.OWN_TABLES
    guarded, outside = set(policies.rules()), set(policies.OUTSIDE)
    assert there - guarded - outside == set(), "say in portal/model/policies.py whose rows these are"
    assert (guarded | outside) - there == set(), "no such table any more"
    assert guarded & outside == set()
    with engine.connect() as connection:
        assert policies.found(connection) == policies.expected(engine.dialect.name)
    engine.dispose()


@pytest.mark.postgres
def test_the_policies_in_the_database_are_those_in_the_list(postgres_template: str) -> None:
    """PostgreSQL keeps a policy in words of its own: what is there is held against what is put there now."""
    url = postgres.create_database(postgres.name_of(postgres_template))
    engine = create_engine(url)
    kept = text("SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2")
    with engine.connect() as connection:
        there = connection.execute(kept).all()
        policies.install(connection)
        assert connection.execute(kept).all() == there
        assert len(there) == 2 * len(policies.rules()) + len(policies.READ_BY_ALL)
    engine.dispose()
    postgres.drop_database(url)


def test_no_statement_goes_round_the_rule_of_visibility() -> None:
    found = ways_round.places()
    new = {place: lines for place, lines in found.items() if place not in ways_round.ALLOWED}
    assert new == {}, "begin with permissions.visible, or give the place and its reason in tests/ways_round.py"
    assert sorted(set(ways_round.ALLOWED) - set(found)) == [], "no such statement any more"


@pytest.mark.parametrize(
    "statement",
    [
        "select(Report)",
        "select(Report.id, Contract.title)",
        "select(func.count()).select_from(Sanction)",
        "select(func.count(Comment.id))",
        "sa.select(Report)",
        "orm.aliased(Report)",
        "update(Sanction)",
        "delete(Comment)",
        "insert(Deviation)",
        "exists(Report)",
        "db.session.get(Report, number)",
        "db.session().get_one(Report, number)",
        "session.get(Report, number)",
        "db.session.query(Report)",
        "db.session.refresh(report)",
        "text('SELECT * FROM report')",
        "connection.exec_driver_sql('SELECT * FROM report')",
        "Report.__table__",
        "Report.metadata.tables['report']",
        "Base.metadata.tables['report']",
        "Report.query",
    ],
)
def test_each_way_round_is_seen(statement: str) -> None:
    source = f"""
import sqlalchemy as sa
from sqlalchemy import aliased, delete, exists, func, insert, orm, select, text, update
def door(session: Session):
    return {statement}
"""
    assert [place for place, _line in ways_round.in_module(source, "web.page")] == ["web.page.door"]


def test_what_begins_as_it_should_is_let_through() -> None:
    source = """
from sqlalchemy import func, select
def door(by):
    kind.text("name"), session.get("acting_for"), found.get(Report), select(Organisation)
    return select(func.count()).select_from(permissions.visible(Report, by).subquery())
"""
    assert list(ways_round.in_module(source, "web.page")) == []


def test_rows_below_a_contract_carry_both_parties(database_url: str) -> None:
    engine = create_engine(database_url)
    found = inspect(engine)
    for table in Base.metadata.tables.values():
        names = {column["name"] for column in found.get_columns(table.name)}
        if "contract_id" in names and table.name not in {"audit_event", "read_log"}:
            assert {"buyer_id", "supplier_id"} <= names, table.name
    engine.dispose()


ASKS_NOTHING = {"cases.end_appointment", "members.end_substitute", "members.withdraw"}
"""What only takes rights away."""


def test_whatever_gives_rights_asks_who_one_is(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    app = make_app(sqlite_url)
    giving = {
        route.endpoint
        for route in access.guarded_routes(app)
        if "POST" in route.methods and route.permission in {Permission.MEMBER_MANAGE, Permission.SIGHT_EDIT}
    }
    asking = {name for name, view in app.view_functions.items() if getattr(view, "confirmed", False)}
    assert giving - asking == ASKS_NOTHING, "put @confirmed below @requires"
    changing = {"accounts.authenticator", "accounts.change_email", "accounts.change_password", "accounts.new_passkey"}
    assert changing <= asking


def test_every_route_says_who_may_open_it(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    app = make_app(sqlite_url)
    assert access.unmarked(app) == []
    open_to_all = {route.endpoint for route in access.guarded_routes(app) if route.permission is None}
    assert open_to_all == {
        "accounts.account",
        "accounts.acting_for",
        "accounts.ask_reset",
        "accounts.change_email",
        "accounts.confirm_email",
        "accounts.authenticator",
        "accounts.code",
        "accounts.new_passkey",
        "accounts.new_passkey_challenge",
        "accounts.passkey_challenge",
        "accounts.remove_passkey",
        "accounts.sign_in_by_passkey",
        "accounts.recovery_codes",
        "accounts.remove_authenticator",
        "accounts.set_up_first",
        "demo.become",
        "accounts.back_from",
        "api.description",
        "accounts.change_password",
        "accounts.confirm_at",
        "accounts.connect",
        "accounts.disconnect",
        "accounts.ended",
        "accounts.sign_in_with",
        "accounts.signed_out_there",
        "languages.choose_language",
        "accounts.end_other_sessions",
        "accounts.end_session",
        "accounts.history",
        "accounts.invitation",
        "accounts.letters_arrive",
        "accounts.new_password",
        "demo.personas",
        "accounts.my_data",
        "accounts.my_data_json",
        "accounts.my_data_workbook",
        "accounts.sign_in",
        "accounts.sign_out",
        "demo.reset",
        "definitions.show",
        "operating.live",
        "operating.metrics",
        "operating.ready",
        "pages.accessibility",
        "pages.home",
        "pages.security",
        "pages.security_txt",
    }


def test_every_route_is_a_line_of_the_table(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    """Whose answers are right, tests/integration/test_routes.py asks; it says the whole line that lacks here."""
    app = make_app(sqlite_url)
    addresses = app.url_map.bind("127.0.0.1")
    some_id = str(uuid.uuid4())
    lines = [line.split()[:2] for line in ROUTES.read_text(encoding="utf-8").splitlines() if line.startswith("/")]
    known = {(addresses.match(re.sub(r"{\w+}", some_id, path), method)[0], method) for path, method in lines}
    lacking = {(route.endpoint, method) for route in access.guarded_routes(app) for method in route.methods} - known
    assert not lacking, "add lines to tests/routes.txt: pytest tests/integration/test_routes.py -k table says which"


NOTED_ONLY = {"exports.redacted": "makes a file of what may be read; only the trail is written, and no GET may do that"}


def test_no_route_that_changes_something_asks_only_for_reading(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    for route in access.guarded_routes(make_app(sqlite_url)):
        if route.permission is not None and "POST" in route.methods and route.endpoint not in NOTED_ONLY:
            assert not route.permission.endswith(":read"), route.endpoint


def test_addresses_hold_public_ids_only(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    for route in access.guarded_routes(make_app(sqlite_url)):
        assert not re.search(r"<int", route.rule), route.rule


def test_every_permission_has_its_rule() -> None:
    assert set(TABLE) == set(Permission)


def test_every_user_task_can_be_done_by_somebody_and_has_its_words() -> None:
    definitions = load_definitions(resources.WORKFLOWS, SERVICE_TASKS)
    tasks = {
        node.id
        for definition in definitions.values()
        for node in definition.diagram.nodes.values()
        if node.kind == "userTask"
    }
    assert tasks == set(PERMISSION_OF) == set(labels.TASK)


SHIPPED = frozenset(
    {
        "amendments.put_aside",
        "amendments.refuse",
        "deviations.close",
        "deviations.dismiss",
        "deviations.note_no_reply",
        "deviations.open_for_breaches",
        "deviations.propose_sanction",
        "deviations.reopen_assessment",
        "deviations.send_notice",
        "deviations.start_reply_period",
        "reports.approve",
        "reports.check",
        "reports.compute",
        "reports.escalate",
        "reports.freeze",
        "reports.mark_overdue",
        "reports.reject",
        "reports.remind",
        "reports.send_back",
        "reports.set_deadline",
        "reviews.plan",
        "reviews.remind",
        "sanctions.calculate",
        "sanctions.close",
        "sanctions.decide",
        "sanctions.ground",
        "sanctions.refuse",
        "sanctions.send_decision",
        "sanctions.withdraw",
        "withdrawals.take_back",
    }
)
"""What diagrams of running cases may call. Names are added here, and never taken away."""


def test_every_service_task_is_asked_for_by_a_diagram_or_was_once() -> None:
    definitions = load_definitions(resources.WORKFLOWS, SERVICE_TASKS)
    asked = {
        node.operator
        for definition in definitions.values()
        for node in definition.diagram.nodes.values()
        if node.operator
    }
    assert asked | SHIPPED == set(SERVICE_TASKS)


def _recorded_actions() -> Iterator[str]:
    for path in [*OPERATIONS.rglob("*.py"), *(resources.PACKAGE / "model").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "record" and len(node.args) > 1:
                action = node.args[1]
                if isinstance(action, ast.Constant):
                    yield str(action.value)


def test_every_recorded_action_has_its_words() -> None:
    recorded = set(_recorded_actions())
    assert len(recorded) > 15
    assert recorded <= set(events.EVENT)


@pytest.mark.parametrize("key", sorted(kinds.kinds()))
def test_a_kind_is_named_by_its_own_module_only(key: str) -> None:
    home = {resources.PACKAGE / folder for folder in ("kinds", "demo", "factors")}
    for path in resources.PACKAGE.rglob("*.py"):
        if not home & set(path.parents):
            assert f'"{key}"' not in path.read_text(encoding="utf-8"), path


def test_nothing_below_the_doors_commits() -> None:
    for folder in ("operations", "model"):
        for path in (resources.PACKAGE / folder).rglob("*.py"):
            assert ".commit()" not in path.read_text(encoding="utf-8"), path


def test_only_the_clock_asks_what_time_it_is() -> None:
    asking = re.compile(r"datetime\.(now|utcnow)\(|date\.today\(|time\.time\(\)")
    for path in resources.PACKAGE.rglob("*.py"):
        if path.name != "clock.py":
            assert not asking.search(path.read_text(encoding="utf-8")), path


def test_templates_hold_nothing_inline() -> None:
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)
    for path in Path(resources.TEMPLATES).rglob("*.html"):
        assert not inline.search(path.read_text(encoding="utf-8")), path
