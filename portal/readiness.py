"""Whether an installation is fit to run: everything that can be looked at before anybody comes, one finding each."""

import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.messages.catalog import Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from sqlalchemy import Connection, Engine, exists, insert, select
from sqlalchemy.exc import DBAPIError

from portal import clock, openid, providers, resources, schema, surroundings
from portal.config import BadSetting, Settings, kept_secret_key
from portal.errors import BadDefinition, Unavailable
from portal.files import Store
from portal.findings import Finding, fault, fine, warning
from portal.model import Installation, Person, Process, ProcessDefinition, SignInAttempt, guards
from portal.operations.people import identities
from portal.operations.service_tasks import SERVICE_TASKS
from portal.outgoing import Outgoing
from portal.post import Post
from portal.text import LANGUAGES
from portal.workflow import Definition, load_definitions
from portal.workflow.lint import check_services

SOUND_SQLITE = (3, 51, 3)
"""The first release without the rare WAL-reset fault."""
OLDEST_POSTGRESQL = (15,)
SOURCE_LANGUAGE = "en"
"""The texts in code and templates are in this language and need no catalogue."""
ANEW = "Install the wheel again; in a checkout, run `make install`."
FEWEST_CHARACTERS = 10
THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at everything, in the order in which one would mend it."""
    for look in LOOKS:
        yield from look(settings)


# -- what it runs on --------------------------------------------------------------------------------------------------


def _instance_folder(settings: Settings) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile(dir=settings.instance):
            yield fine("Instance folder", f"{settings.instance} can be written.")
    except OSError as refused:
        yield fault("Instance folder", f"{settings.instance} cannot be written: {refused.strerror}.")


def _secret_key(settings: Settings) -> Iterator[Finding]:
    kept = kept_secret_key(settings.instance)
    is_kept = _holds(kept, settings.secret_key)
    where = str(kept) if is_kept else "KLIMAKONTRAKT_SECRET_KEY"
    if len(settings.secret_key) < surroundings.SHORTEST_KEY or len(set(settings.secret_key)) < FEWEST_CHARACTERS:
        how = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
        yield fault("Secret key", f"{where} is too easy to guess. Make one with {how}")
    elif is_kept and kept.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield fault("Secret key", f"Others on this machine can read {where}. Run `chmod 600 {where}`.")
    else:
        yield fine("Secret key", f"{where} is long enough" + (", and its owner's only." if is_kept else "."))


def _holds(file: Path, words: str) -> bool:
    try:
        return file.read_text().strip() == words
    except OSError:
        return False


def _time_zone(settings: Settings) -> Iterator[Finding]:
    try:
        yield fine("Time zone", f"Dates are shown in {ZoneInfo(settings.time_zone).key}.")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield fault("Time zone", f"KLIMAKONTRAKT_TIME_ZONE is {settings.time_zone}, and there is no such zone.")


def _sqlite_library(settings: Settings) -> Iterator[Finding]:
    import sqlite3  # the library that stands in, asked for by the name everybody uses

    if settings.is_sqlite and sqlite3.sqlite_version_info < SOUND_SQLITE:
        needed = ".".join(map(str, SOUND_SQLITE))
        words = f"{sqlite3.sqlite_version} may corrupt a database in WAL mode; {needed} or newer is needed."
        yield fault("SQLite library", words)
    elif settings.is_sqlite:
        yield fine("SQLite library", f"{sqlite3.sqlite_version}, which is sound.")


# -- the database -----------------------------------------------------------------------------------------------------


def _database(settings: Settings) -> Iterator[Finding]:
    """Nothing in a database is looked at before it stands where this release needs it."""
    try:
        newest = schema.demand_current(settings)
    except (schema.NotMigrated, schema.OutOfReach, BadSetting) as stop:
        yield fault("Database", str(stop))
        return
    yield fine("Database", f"{schema.shown_url(settings)} answers and is at the newest revision, {newest}.")
    with schema.reached(settings) as engine:
        yield from _writing(engine)
        with engine.connect() as connection:
            yield from _server(connection)
            yield from surroundings.clocks(connection)
            yield from _triggers(connection)
            yield from _running_cases(connection)
            yield from _people(connection)


def _writing(engine: Engine) -> Iterator[Finding]:
    try:
        with engine.connect().execution_options(write=True) as connection, connection.begin() as attempt:
            connection.execute(insert(SignInAttempt).values(at=clock.now(), email="", address="", succeeded=False))
            attempt.rollback()
    except (DBAPIError, Unavailable) as refused:
        why = str(getattr(refused, "orig", refused)).strip().partition("\n")[0]
        yield fault("Database", f"It cannot be written: {why}.")


def _server(connection: Connection) -> Iterator[Finding]:
    version = connection.dialect.server_version_info
    if connection.dialect.name == "postgresql" and version is not None and version < OLDEST_POSTGRESQL:
        yield fault("PostgreSQL", f"It is version {version[0]}; {OLDEST_POSTGRESQL[0]} or newer is needed.")


def _triggers(connection: Connection) -> Iterator[Finding]:
    wanted = guards.expected(connection.dialect.name)
    if missing := wanted - guards.found(connection):
        yield fault("Triggers", f"Missing: {', '.join(sorted(missing))}. Run `portal migrate`.")
    else:
        yield fine("Triggers", f"All {len(wanted)} that keep the trail from being changed are there.")


def _running_cases(connection: Connection) -> Iterator[Finding]:
    """A case goes on by the diagram it began with, so this release must still know what that diagram asks for."""
    rows = connection.execute(
        select(ProcessDefinition.name, ProcessDefinition.files).where(
            exists().where(Process.definition_hash == ProcessDefinition.content_hash, Process.ended_at.is_(None))
        )
    ).all()
    try:
        for name, files in rows:
            definition = Definition.of(name, files)
            definition.check()
            check_services(definition.bpmn[0], definition.diagram, SERVICE_TASKS)
    except BadDefinition as broken:
        yield fault("Running cases", f"This release cannot go on with one of their diagrams: {broken}.")
    else:
        words = f"They follow {len(rows)} diagrams, and this release can go on with each." if rows else "None yet."
        yield fine("Running cases", words)


def _people(connection: Connection) -> Iterator[Finding]:
    if connection.scalar(select(Installation.is_demo)):
        yield warning("People", "This is a demo: everybody in it is made up and can be become by one click.")
    elif connection.scalar(select(Person.id).where(Person.active, Person.password.is_not(None)).limit(1)) is None:
        yield warning("People", "Nobody can sign in yet. Make the first administrator with `portal user`.")


# -- what it brings along ---------------------------------------------------------------------------------------------


def _diagrams(_settings: Settings) -> Iterator[Finding]:
    try:
        found = load_definitions(resources.WORKFLOWS, SERVICE_TASKS)
    except BadDefinition as broken:
        yield fault("Diagrams", str(broken))
        return
    tables = {table for definition in found.values() for table in definition.dmn}
    if found:
        yield fine("Diagrams", f"{len(found)} diagrams and {len(tables)} decision tables load: {', '.join(found)}.")
    else:
        yield fault("Diagrams", f"There are none in {resources.WORKFLOWS}. {ANEW}")


def _translations(_settings: Settings) -> Iterator[Finding]:
    for language in LANGUAGES:
        if language != SOURCE_LANGUAGE:
            yield _catalogue(language, resources.TRANSLATIONS / language / "LC_MESSAGES" / "messages.po")


def _catalogue(language: str, source: Path) -> Finding:
    subject, compiled = f"Translations to {language}", source.with_suffix(".mo")
    try:
        with source.open("rb") as file:
            written = [each for each in read_po(file) if each.id and each.string and not each.fuzzy]
        with compiled.open("rb") as file:
            known = {_texts(each) for each in read_mo(file)}
    except OSError as missing:
        return fault(subject, f"{missing.filename} cannot be read: {missing.strerror}. {ANEW}")
    stale = [each for each in written if _texts(each) not in known]
    if stale or not written:
        return fault(subject, f"{len(stale)} of {len(written)} texts are not compiled in. {ANEW}")
    return fine(subject, f"{len(written)} texts.")


def _texts(message: Message) -> tuple[object, ...]:
    """What is written and what it means, alike whether there is a plural or not."""
    both = (message.id, message.string)
    return (message.context, *(each if isinstance(each, str) else tuple(each or ()) for each in both))


def _vendor_files(_settings: Settings) -> Iterator[Finding]:
    """What pages and style sheets ask for, read from themselves, and the typefaces of papers."""
    asking = [*resources.TEMPLATES.rglob("*.html"), *(resources.STATIC / "css").glob("*.css")]
    wanted = {name for file in asking for name in re.findall(r"vendor/[\w./-]+\.\w+", file.read_text(encoding="utf-8"))}
    missing = sorted(name for name in wanted if not (resources.STATIC / name).is_file())
    if not list((resources.STATIC / "vendor" / "paper").glob("*.ttf")):
        missing.append("vendor/paper/*.ttf")
    if missing or not wanted:
        yield fault("Front end", f"Missing: {', '.join(missing) or 'everything'}. {ANEW}")
    else:
        yield fine("Front end", f"All {len(wanted)} files of others that pages ask for are there.")


# -- what it talks to -------------------------------------------------------------------------------------------------


def _file_store(settings: Settings) -> Iterator[Finding]:
    try:
        Store(settings.files_url).try_out()
    except BadSetting as wrong:
        yield fault("File store", f"KLIMAKONTRAKT_FILES_URL: {wrong}.")
    except Unavailable:
        yield fault("File store", f"{settings.files_url} cannot be written.")
    else:
        yield fine("File store", f"{settings.files_url} can be written.")


def _mail(settings: Settings) -> Iterator[Finding]:
    try:
        keeps_mail = Post(settings.mail_url, settings.mail_sender).keeps_mail
    except BadSetting as wrong:
        yield fault("Mail", f"KLIMAKONTRAKT_MAIL_URL: {wrong}.")
        return
    server = urlsplit(settings.mail_url).hostname
    if keeps_mail:
        yield warning("Mail", "No server is named: letters are shown in the portal and reach nobody.")
    elif settings.mail_sender == Settings.mail_sender and server not in THIS_MACHINE:
        yield warning("Mail", f"Letters go out through {server} as {settings.mail_sender}: name a real sender.")
    else:
        yield fine("Mail", f"Letters go out through {server} as {settings.mail_sender}.")


def _base_url(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.base_url)
    mail_server = urlsplit(settings.mail_url).hostname
    if address.scheme not in ("http", "https") or not address.hostname:
        yield fault("Address", f"KLIMAKONTRAKT_BASE_URL is {settings.base_url}; it must be https://… and a host.")
    elif address.hostname not in THIS_MACHINE and address.scheme == "http":
        yield warning("Address", f"{settings.base_url} is not https: passwords and cookies can be read on the way.")
    elif address.hostname not in THIS_MACHINE:
        yield fine("Address", f"The portal answers as {settings.base_url}.")
    elif mail_server not in {None, *THIS_MACHINE}:
        yield fault(
            "Address",
            f"Links in letters lead to {settings.base_url}, which only this machine can open. "
            "Set KLIMAKONTRAKT_BASE_URL.",
        )
    else:
        yield warning(
            "Address", f"{settings.base_url} is for this machine only. Set KLIMAKONTRAKT_BASE_URL for others."
        )


def _providers(settings: Settings) -> Iterator[Finding]:
    """Issuer and addresses are fixed by the settings; here alone the provider is asked whether they are still so."""
    try:
        known, _issuer = providers.read(settings), providers.read_issuer(settings)
        identities.demand_known_roles(known.values())
        outgoing = Outgoing(settings.outgoing_allowed)
    except BadSetting as wrong:
        yield fault("Providers", str(wrong))
        return
    for provider in known.values():
        subject = f"Provider {provider.key}"
        try:
            strange = openid.differences(provider, outgoing)
        except Unavailable as silent:
            yield warning(subject, f"It could not be asked whether its addresses are right: {silent}.")
            continue
        if strange:
            yield fault(subject, f"{provider.issuer} says otherwise than the settings: {'; '.join(strange)}.")
        else:
            yield fine(subject, f"{provider.issuer} answers, and its addresses are those of the settings.")


LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _instance_folder,
    surroundings.disk,
    surroundings.configuration,
    _secret_key,
    _time_zone,
    _sqlite_library,
    _database,
    _diagrams,
    _translations,
    _vendor_files,
    _file_store,
    _mail,
    surroundings.scanner,
    _base_url,
    _providers,
)
