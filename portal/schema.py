"""The tables of an installation: how they are brought up to date, and how far they are from what this release needs."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from portal import jobs, resources, tenancy
from portal.config import BadSetting, Settings
from portal.extensions import prepare_engine
from portal.model import policies


class NotMigrated(Exception):
    """The database is not what this release needs. The message says what to do."""


class WrongRole(Exception):
    """The database is asked in a role that sees more or less than it must. The message says what to do."""


class OutOfReach(Exception):
    """The database does not answer, or lets nobody in."""


def migrate_database(settings: Settings, revision: str = "head") -> None:
    """Bring one database up to date (or to `revision`), as its owner, and give the portal's roles their rights."""
    settings = replace(settings, database_url=settings.database_owner_url or settings.database_url)
    try:
        settings.instance.mkdir(parents=True, exist_ok=True)
        if settings.is_sqlite:
            Path(make_url(settings.database_url).database or "").parent.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise OutOfReach(f"{refused.filename} cannot be made: {refused.strerror}.") from refused
    # What is wrong with the connection is told in one line, what is wrong with a revision is not.
    with reached(settings) as engine:
        with engine.connect() as connection:
            roles = [] if settings.is_sqlite else policies.roles(connection)
        jobs.migrate(settings, roles)
    _alembic(settings, lambda config: command.upgrade(config, revision))


def demand_current(settings: Settings) -> str:
    """The newest revision, when the database stands there. Creates nothing. Raises NotMigrated and OutOfReach."""
    if settings.is_sqlite and not is_there(settings):
        raise NotMigrated(f"There is no database at {shown_url(settings)}. Run `portal migrate`.")
    newest = _revisions().get_current_head() or ""
    with reached(settings) as engine, engine.connect() as connection:
        here = MigrationContext.configure(connection).get_current_revision()
    if here is None:
        raise NotMigrated(f"The database at {shown_url(settings)} is empty. Run `portal migrate`.")
    if here not in {each.revision for each in _revisions().walk_revisions()}:
        raise NotMigrated(
            f"The database is at revision {here}, which this release does not know: a newer release migrated it. "
            "Run that one."
        )
    if here != newest:
        raise NotMigrated(f"The database is at revision {here}, this release needs {newest}. Run `portal migrate`.")
    if not jobs.is_migrated(settings):
        raise NotMigrated("The tables of the jobs are missing or old. Run `portal migrate`.")
    return newest


def demand_role(settings: Settings, *, works: bool) -> None:
    """Refuse a role for which the policies of PostgreSQL are void, or that cannot work. Raises WrongRole."""
    with reached(settings) as engine, engine.connect() as connection:
        role = tenancy.reach(connection)
    for words in role.faults(works=works) if role else ():
        raise WrongRole(words)


@contextmanager
def reached(settings: Settings) -> Iterator[Engine]:
    """An engine on a database that has answered, let go of afterwards. Raises OutOfReach and BadSetting."""
    try:
        engine = create_engine(settings.database_url)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as wrong:
        raise BadSetting("DATABASE_URL must be sqlite:///… or postgresql://user:password@host/database.") from wrong
    prepare_engine(engine)
    try:
        _try_out(engine)
        yield engine
    finally:
        engine.dispose()


def _try_out(engine: Engine) -> None:
    try:
        engine.connect().close()
    except DBAPIError as refused:
        why = str(refused.orig).strip().partition("\n")[0].rstrip(".")
        raise OutOfReach(f"The database at {_shown(engine.url)} does not answer: {why}.") from refused


def is_there(settings: Settings) -> bool:
    """Whether the file of SQLite exists: connecting to one that does not would create it."""
    return Path(make_url(settings.database_url).database or "").is_file()


def shown_url(settings: Settings) -> str:
    """Where the database is, without the password."""
    return _shown(make_url(settings.database_url))


def _shown(url: URL) -> str:
    return str(url.database) if url.drivername.startswith("sqlite") else url.render_as_string(hide_password=True)


def differences() -> list[str]:
    """Where the migrations, run on a new database, do not make what the entities say; empty when they do."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment({"KLIMAKONTRAKT_INSTANCE": folder})
        migrate_database(settings)
        try:
            _alembic(settings, command.check)
        except CommandError as difference:
            return [str(difference)]
    return []


def _revisions() -> ScriptDirectory:
    return ScriptDirectory(str(resources.MIGRATIONS))


def _alembic(settings: Settings, act: Callable[[Config], None]) -> None:
    """Run an alembic command on one connection, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(resources.MIGRATIONS))
    with reached(settings) as engine, engine.connect().execution_options(write=True) as connection:
        _let_tables_be_rebuilt(connection)
        with connection.begin():
            config.attributes["connection"] = connection
            act(config)
            _demand_sound_references(connection)


def _let_tables_be_rebuilt(connection: Connection) -> None:
    """Let SQLite drop a table that others refer to, and put its new form in its place.

    It heeds the switch between transactions only, and has it on again in the next connection.
    """
    driver = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and driver is not None:
        driver.cursor().execute("PRAGMA foreign_keys = OFF")


def _demand_sound_references(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5)
        if dangling:
            raise RuntimeError(f"Migrated, references would lead nowhere: {dangling}. Nothing is changed.")
