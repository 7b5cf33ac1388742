"""Fixtures that every test may ask for: a migrated database of either make, the application on it, a small world."""

import fcntl
import gc
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import hypothesis
import pytest
from flask import Flask, has_request_context
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.orm import Session, SessionTransaction
from werkzeug.routing import Rule

from portal import clock, demo, tenancy
from portal.application import create_app
from portal.config import Settings
from portal.extensions import db, parts, transaction
from portal.schema import migrate_database
from tests import postgres
from tests import tenants as two_lives
from tests.standing import OnPostgres, OnSqlite
from tests.tenants import Tenants
from tests.world import World, build_world

_first_engines: dict[str, Engine] = {}
_builders: dict[tuple[str, str, bool], Callable[..., tuple[str, str]]] = {}
_compile_builder = Rule._compile_builder  # noqa: SLF001 - Werkzeug has no public way

SECRET = "only-for-tests-" + "x" * 32

A_FRIDAY_IN_NOVEMBER = datetime(2026, 11, 20, 9, tzinfo=UTC)
"""When the demo is played, and when every browser test begins: what a page shows must not depend on the weather."""

DEMO_FILE = "demo.db"

hypothesis.settings.register_profile("portal", deadline=None, max_examples=40)
hypothesis.settings.load_profile("portal")


gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 50)
"""What was imported stays: to look through it again and again for what may go was a tenth of a run."""


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Each test begins with the system's own time."""
    clock.reset()
    yield
    clock.reset()


def settings_for(url: str, folder: Path, **changes: object) -> Settings:
    """The settings of a test installation."""
    return Settings(
        **{  # type: ignore[arg-type]
            "instance": folder,
            "database_url": url,
            "secret_key": SECRET,
            "files_url": f"file://{folder / 'files'}",
            "base_url": "http://127.0.0.1:8000",
            "testing": True,
            "costly_per_minute": 10_000,  # tests ask faster than people
            **changes,
        }
    )


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database, made once; tests get copies."""
    folder = tmp_path_factory.mktemp("sqlite-template")
    file = folder / "template.db"
    migrate_database(settings_for(f"sqlite:///{file}", folder))
    return file


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated, empty PostgreSQL database, made once; tests get copies."""
    url = postgres.create_database()
    migrate_database(settings_for(url, tmp_path_factory.mktemp("postgres-template")))
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated database of each make in turn."""
    yield from _database(request, tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.soak])])
def everyday_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLite in each run, PostgreSQL in the soak: for pages whose statements other tests put to both in each run."""
    yield from _database(request, tmp_path)


def _database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield from _sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
    else:
        url = postgres.create_database(make_url(request.getfixturevalue("postgres_template")).database)
        yield url
        postgres.drop_database(url)


def _sqlite_copy(template: Path, tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "klimakontrakt.db"
    shutil.copy(template, file)
    yield f"sqlite:///{file}"


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """Only SQLite, for what does not depend on the database."""
    yield from _sqlite_copy(sqlite_template, tmp_path)


@pytest.fixture
def postgres_url(postgres_template: str) -> Iterator[str]:
    """Only PostgreSQL, for what SQLite has not."""
    url = postgres.create_database(postgres.name_of(postgres_template))
    yield url
    postgres.drop_database(url)


class _Bytecode(BytecodeCache):
    """What templates were compiled to, kept from one application of a run to the next."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if known := self.kept.get(bucket.key):
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


def _compiled_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """What builds the addresses of a rule: the same in every application, and most of what making one costs."""
    key = (rule.rule, repr((rule._trace, rule.defaults)), append_unknown)  # noqa: SLF001
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _compiled_once  # type: ignore[assignment, method-assign]  # noqa: SLF001


def share_what_is_compiled(app: Flask) -> None:
    """Let all applications of a run share their templates and statements: compiling them is much of a test's time."""
    app.jinja_env.bytecode_cache = _Bytecode()
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _forget_durability)
        _share_compiled_statements(db.engine)


def _forget_durability(connection: Any, _record: object) -> None:
    """No test cuts the power: nothing has to reach the disk, as with the tests' PostgreSQL."""
    connection.execute("PRAGMA synchronous = OFF")


def _share_compiled_statements(engine: Engine) -> None:
    first = _first_engines.setdefault(engine.dialect.name, engine)
    if first is engine:
        with engine.connect():  # the first connection is what a dialect learns about its database by
            pass
    engine.dialect = engine.pool._dialect = first.dialect  # noqa: SLF001 - SQLAlchemy has no public way
    engine._compiled_cache = first._compiled_cache  # noqa: SLF001


@event.listens_for(db.session, "after_begin", insert=True)
def _as_in_earnest(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    """A request asks in the web's role, and acts for nobody before it says so; what a test does itself sees all."""
    if connection.dialect.name != "postgresql":
        return
    if has_request_context():
        if session.info.get("subject") == tenancy.EVERYTHING:  # the test's own session, which the request shares
            session.info.pop("subject")
        session.info["had_request"] = True
        connection.exec_driver_sql(f"SET LOCAL ROLE {tenancy.APP_ROLE}")
    elif threading.current_thread() is threading.main_thread() and (
        _acts_for_nobody(session) or session.info.pop("had_request", False)
    ):
        session.info["subject"] = tenancy.EVERYTHING


def _acts_for_nobody(session: Session) -> bool:
    return bool(session.info.get("subject", tenancy.NOBODY) == tenancy.NOBODY)


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes applications on a database, and lets go of them when the test is over."""
    made: list[Flask] = []

    def make(url: str, **changes: object) -> Flask:
        app = create_app(settings_for(postgres.as_role(url, tenancy.WORKER_ROLE), tmp_path, **changes))
        app.config["WTF_CSRF_ENABLED"] = False
        share_what_is_compiled(app)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            parts().jobs.close()
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask], database_url: str) -> Iterator[Flask]:
    """The application on either database, in its context."""
    app = make_app(database_url)
    with app.app_context():
        yield app


@pytest.fixture
def world(app: Flask) -> World:
    """Supplier Anna and her colleagues, a stranger, two reviewers, an administrator, a decision-maker; one contract."""
    del app
    with transaction():
        return build_world()


@pytest.fixture(scope="session")
def demo_folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo as it is on A_FRIDAY_IN_NOVEMBER, its database and its files: made once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.copy(sqlite_template, folder / DEMO_FILE)
            _play_demo(folder)
            (folder / "made").touch()
    return folder


def _play_demo(folder: Path) -> None:
    app = create_app(settings_for(f"sqlite:///{folder / DEMO_FILE}", folder))
    with clock.at(A_FRIDAY_IN_NOVEMBER), app.app_context():
        for _step in demo.load():
            pass
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def tenants_on(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Tenants]]:
    """Both lives on a make of database, made once for all tests of a run that ask for it."""
    with ExitStack() as until_the_end:
        made: dict[str, Tenants] = {}

        def on(make: str) -> Tenants:
            if make not in made:
                live = _tenants_on_postgres if make == "postgresql" else _tenants_on_sqlite
                template = request.getfixturevalue(f"{'postgres' if make == 'postgresql' else 'sqlite'}_template")
                made[make] = until_the_end.enter_context(live(template, tmp_path_factory.mktemp("tenants")))
            made[make].put_back()
            return made[make]

        yield on


@contextmanager
def _tenants_on_sqlite(template: Path, folder: Path) -> Iterator[Tenants]:
    file = folder / "tenants.db"
    shutil.copy(template, file)
    with two_lives.opened(_app_of_run(f"sqlite:///{file}", folder), OnSqlite(file)) as found:
        yield found


@contextmanager
def _tenants_on_postgres(template: str, folder: Path) -> Iterator[Tenants]:
    url = postgres.create_database(postgres.name_of(template))
    app = _app_of_run(postgres.as_role(url, tenancy.WORKER_ROLE), folder)
    with app.app_context():
        standing = OnPostgres(url, db.engine)
    with two_lives.opened(app, standing) as found:
        yield found
    standing.drop()


def _app_of_run(url: str, folder: Path) -> Flask:
    app = create_app(settings_for(url, folder))
    app.config["WTF_CSRF_ENABLED"] = False
    share_what_is_compiled(app)
    return app


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.soak])])
def tenants(request: pytest.FixtureRequest, tenants_on: Callable[[str], Tenants]) -> Tenants:
    """Both lives as they were made: on SQLite in each run, on PostgreSQL in the soak."""
    return tenants_on(request.param)


@pytest.fixture
def postgres_tenants(tenants_on: Callable[[str], Tenants]) -> Tenants:
    """Both lives on PostgreSQL, for the few requests of each run that its policies must stand."""
    return tenants_on("postgresql")
