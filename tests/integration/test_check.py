"""`portal check` looks at everything an installation needs, and tells each fault from what is fine."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import create_engine, make_url, select, text

from portal import clock, readiness, resources, schema, tenancy
from portal.extensions import db, transaction
from portal.model import ProcessDefinition
from tests import postgres
from tests.conftest import SECRET, settings_for
from tests.terminal import Terminal
from tests.world import build_world

NOBODY = 65534
ADDRESS = {"KLIMAKONTRAKT_BASE_URL": "https://klima.example"}
POST = {"KLIMAKONTRAKT_MAIL_URL": "smtp+starttls://portal:hemmelig@post.example"}
LOOKED_AT = [
    "Instance folder",
    "Disk",
    "Configuration",
    "Secret key",
    "Time zone",
    "SQLite library",
    "Database",
    "Clock",
    "Triggers",
    "Role",
    "Policies",
    "Running cases",
    "People",
    "Diagrams",
    "Translations to nb",
    "Front end",
    "File store",
    "Mail",
    "Malware",
    "Address",
    "Audit trail",
    "Signed reports",
]


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str) -> Terminal:
    """Somebody at a migrated installation on SQLite, otherwise as it comes."""
    return Terminal(tmp_path, DATABASE_URL=sqlite_url)


@pytest.fixture
def on_either(tmp_path: Path, database_url: str) -> Terminal:
    """Somebody at a migrated installation on either database."""
    used = postgres.as_role(database_url, tenancy.WORKER_ROLE)
    return Terminal(tmp_path, DATABASE_URL=used, DATABASE_OWNER_URL=database_url)


def looked_at(result: Result) -> dict[str, tuple[str, str]]:
    """Subject -> how it stands, and the words."""
    lines = re.findall(r"^(fine|warning|fault) +([^:]+): (.+)$", result.output, re.MULTILINE)
    assert len(lines) == len(result.output.splitlines()) - 1, result.output
    return {subject: (standing, words) for standing, subject, words in lines}


def the_fault(result: Result, subject: str) -> str:
    """The words of the one fault that there is."""
    found = looked_at(result)
    assert [name for name, (standing, _words) in found.items() if standing == "fault"] == [subject], result.output
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "Error: Not fit to run. To be mended: 1."
    return found[subject][1]


def change(url: str, *statements: str) -> None:
    """What somebody did to the database behind the portal's back."""
    engine = create_engine(postgres.as_role(url, "postgres"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_sound_installation_is_fit_and_each_thing_looked_at_has_its_line(on_either: Terminal) -> None:
    result = on_either.run("check", **ADDRESS, **POST, KLIMAKONTRAKT_MAIL_SENDER="klima@lillevik.example")
    found = looked_at(result)
    is_sqlite = "sqlite" in on_either.environment["DATABASE_URL"]
    only_one_has = {"Role", "Policies"} if is_sqlite else {"SQLite library"}
    assert list(found) == [name for name in LOOKED_AT if name not in only_one_has]
    assert {name for name, (standing, _words) in found.items() if standing != "fine"} == {"Malware", "People"}
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Fit to run. Warnings: 2.")


# -- the database -----------------------------------------------------------------------------------------------------


def test_a_missing_trigger_is_named_and_migrating_puts_it_back(on_either: Terminal) -> None:
    url = on_either.environment["DATABASE_URL"]
    on = "" if "sqlite" in url else " ON audit_event"
    change(url, f"DROP TRIGGER guard_audit_event_update{on}")
    words = the_fault(on_either.run("check"), "Triggers")
    assert words == "Missing: guard_audit_event_update. Run `portal migrate`."
    assert on_either.run("migrate").exit_code == 0
    assert on_either.run("check").exit_code == 0


@pytest.mark.postgres
def test_a_role_that_no_policy_holds_for_is_refused(tmp_path: Path, postgres_url: str) -> None:
    superuser = Terminal(tmp_path, DATABASE_URL=postgres_url)
    assert the_fault(superuser.run("check"), "Role").startswith("The role postgres is a superuser, so that no policy")
    for words in (("serve", "--no-work"), ("serve",), ("work",)):
        assert superuser.refused(*words).startswith("Error: The role postgres is a superuser")
    change(postgres_url, "ALTER TABLE contract OWNER TO klimakontrakt_owner")
    owner = settings_for(postgres.as_role(postgres_url, "klimakontrakt_owner"), tmp_path)
    with pytest.raises(schema.WrongRole, match="The role klimakontrakt_owner owns the tables"):
        schema.demand_role(owner, works=False)


@pytest.mark.postgres
def test_the_webs_role_serves_and_does_not_work(tmp_path: Path, postgres_url: str) -> None:
    web = Terminal(tmp_path, DATABASE_URL=postgres.as_role(postgres_url, tenancy.APP_ROLE))
    found = looked_at(web.run("check", **ADDRESS))
    assert found["Role"][0] == "fine"
    assert found["Running cases"][0] == "warning"
    for words in (("serve",), ("work",)):
        assert "may not look over all rows" in web.refused(*words)
    assert "Error: This needs the DATABASE_URL of the role klimakontrakt_worker" in web.refused("verify-audit")


@pytest.mark.postgres
def test_a_table_whose_policy_is_away_is_named_and_migrating_puts_it_back(tmp_path: Path, postgres_url: str) -> None:
    url = postgres.as_role(postgres_url, tenancy.WORKER_ROLE)
    on_either = Terminal(tmp_path, DATABASE_URL=url, DATABASE_OWNER_URL=postgres_url)
    change(url, "ALTER TABLE report NO FORCE ROW LEVEL SECURITY", "DROP POLICY subject_rows ON site")
    assert the_fault(on_either.run("check"), "Policies") == "Not guarded: report, site. Run `portal migrate`."
    assert on_either.run("migrate").exit_code == 0
    assert on_either.run("check").exit_code == 0


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("0001", r"at revision 0001, this release needs \w+\. Run `portal migrate`"),
        ("f00d", "a newer release migrated"),
    ],
)
def test_a_database_at_another_revision_is_a_fault(on_either: Terminal, revision: str, expected: str) -> None:
    change(on_either.environment["DATABASE_URL"], f"UPDATE alembic_version SET version_num = '{revision}'")
    assert re.search(expected, the_fault(on_either.run("check"), "Database"))


def test_old_tables_of_the_jobs_are_a_fault(on_either: Terminal) -> None:
    url = on_either.environment["DATABASE_URL"]
    change(url, f"UPDATE {'' if 'sqlite' in url else 'dbos.'}dbos_migrations SET version = 1")
    assert "tables of the jobs" in the_fault(on_either.run("check"), "Database")


def test_a_database_that_is_not_there_is_a_fault_and_is_not_made(tmp_path: Path) -> None:
    words = the_fault(Terminal(tmp_path).run("check"), "Database")
    assert words == f"There is no database at {tmp_path / 'klimakontrakt.db'}. Run `portal migrate`."
    assert not list(tmp_path.glob("*.db*"))


@pytest.mark.postgres
def test_an_empty_database_of_postgresql_is_a_fault(tmp_path: Path) -> None:
    url = postgres.create_database()
    words = the_fault(Terminal(tmp_path, DATABASE_URL=url).run("check"), "Database")
    postgres.drop_database(url)
    assert words.endswith("is empty. Run `portal migrate`.")


@pytest.mark.postgres
def test_a_database_that_takes_no_writing_is_a_fault(tmp_path: Path, postgres_template: str) -> None:
    url = postgres.create_database(make_url(postgres_template).database)
    change(url, f"ALTER DATABASE {make_url(url).database} SET default_transaction_read_only = on")
    used = postgres.as_role(url, tenancy.WORKER_ROLE)
    words = the_fault(Terminal(tmp_path, DATABASE_URL=used).run("check"), "Database")
    postgres.drop_database(url)
    assert re.match(r"It cannot be written: .*read-only", words)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://klima:hemmelig@127.0.0.1:1/klima", "does not answer"),
        ("oracle://klima:hemmelig@base/klima", "DATABASE_URL must be"),
        ("klima.db", "DATABASE_URL must be"),
    ],
)
def test_a_database_out_of_reach_is_a_fault_that_tells_no_password(tmp_path: Path, url: str, expected: str) -> None:
    result = Terminal(tmp_path, DATABASE_URL=url).run("check")
    assert expected in the_fault(result, "Database")
    assert "hemmelig" not in result.output


def test_a_file_that_is_no_database_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "klimakontrakt.db").write_bytes(b"something else altogether" * 100)
    assert "file is not a database" in the_fault(Terminal(tmp_path).run("check"), "Database")


def test_a_running_case_that_this_release_cannot_go_on_with_is_a_fault(
    terminal: Terminal, make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    with make_app(sqlite_url).app_context():
        with transaction():
            build_world()
        assert looked_at(terminal.run("check"))["Running cases"][1].startswith("They follow 1 diagrams")
        with transaction():
            kept = db.session.scalars(select(ProcessDefinition).where(ProcessDefinition.name == "report")).one()
            files = {name: words.replace("reports.freeze", "reports.thaw") for name, words in kept.files.items()}
            assert files != kept.files
            kept.files = files
    assert "unknown service 'reports.thaw'" in the_fault(terminal.run("check"), "Running cases")


def test_an_old_library_of_sqlite_is_a_fault(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "SOUND_SQLITE", (99, 1, 2))
    assert "99.1.2 or newer is needed" in the_fault(terminal.run("check"), "SQLite library")


def test_it_is_said_that_a_database_is_a_demo(terminal: Terminal) -> None:
    change(
        terminal.environment["DATABASE_URL"],
        "INSERT INTO installation (id, is_demo, created_at) VALUES (1, 1, '2026-01-01 00:00:00')",
    )
    standing, words = looked_at(terminal.run("check"))["People"]
    assert (standing, "demo" in words) == ("warning", True)


# -- folders, key, zone -----------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach, unlike those of the tests."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def without_right_to_write(*folders: Path) -> Iterator[None]:
    """The folders may only be looked into. Root may always write, so root becomes nobody for a while."""
    for folder in folders:
        folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for folder in folders:
            folder.chmod(0o755)


def test_folders_that_may_not_be_written_are_faults(open_folder: Path) -> None:
    files = open_folder / "files"
    files.mkdir()
    with without_right_to_write(open_folder, files):
        found = looked_at(Terminal(open_folder).run("check", KLIMAKONTRAKT_SECRET_KEY=SECRET))
    assert found["Instance folder"] == ("fault", f"{open_folder} cannot be written: Permission denied.")
    assert found["File store"] == ("fault", f"file://{files} cannot be written.")


def test_a_secret_key_that_cannot_be_kept_is_told_in_one_line(open_folder: Path) -> None:
    with without_right_to_write(open_folder):
        line = Terminal(open_folder).refused("check")
    assert line.startswith(f"Error: The secret key cannot be kept in {open_folder}/secret-key: Permission denied.")


def test_a_file_where_a_folder_should_be_is_a_fault(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    words = the_fault(terminal.run("check", KLIMAKONTRAKT_FILES_URL=f"file://{tmp_path}/taken"), "File store")
    assert words == f"file://{tmp_path}/taken cannot be written."
    result = terminal.run("check", KLIMAKONTRAKT_INSTANCE=f"{tmp_path}/taken", KLIMAKONTRAKT_SECRET_KEY=SECRET)
    assert looked_at(result)["Instance folder"] == ("fault", f"{tmp_path}/taken cannot be written: Not a directory.")


def test_what_is_tried_in_the_file_store_is_taken_away_again(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("check").exit_code == 0
    assert [each for each in (tmp_path / "files").rglob("*") if each.is_file()] == []


@pytest.mark.parametrize("url", ["ftp://files.example/klima", "files"])
def test_a_place_where_files_cannot_be_kept_is_a_fault(terminal: Terminal, url: str) -> None:
    words = the_fault(terminal.run("check", KLIMAKONTRAKT_FILES_URL=url), "File store")
    assert words == f"KLIMAKONTRAKT_FILES_URL: Files can be kept at file:///… or s3://…, not at {url}."


@pytest.mark.parametrize("key", ["secret", "x" * 64])
def test_a_key_that_is_easy_to_guess_is_a_fault_and_is_not_told(terminal: Terminal, key: str) -> None:
    words = the_fault(terminal.run("check", KLIMAKONTRAKT_SECRET_KEY=key), "Secret key")
    assert words.startswith("KLIMAKONTRAKT_SECRET_KEY is too easy to guess. Make one with python3")
    assert "x" * 64 not in words


def test_a_kept_key_is_for_its_owner_only(terminal: Terminal, tmp_path: Path) -> None:
    assert looked_at(terminal.run("check"))["Secret key"][0] == "fine"
    kept = tmp_path / "secret-key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.chmod(0o640)
    result = terminal.run("check")
    assert the_fault(result, "Secret key") == f"Others on this machine can read {kept}. Run `chmod 600 {kept}`."
    assert kept.read_text() not in result.output


def test_an_empty_key_file_is_a_fault(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("")
    assert "too easy to guess" in the_fault(terminal.run("check"), "Secret key")


def test_a_time_zone_that_there_is_not_is_a_fault(terminal: Terminal) -> None:
    words = the_fault(terminal.run("check", KLIMAKONTRAKT_TIME_ZONE="Europe/Bergen"), "Time zone")
    assert words == "KLIMAKONTRAKT_TIME_ZONE is Europe/Bergen, and there is no such zone."


# -- what it brings along ---------------------------------------------------------------------------------------------


@pytest.fixture
def workflows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of diagrams of an installation whose files may be changed."""
    monkeypatch.setattr(resources, "WORKFLOWS", shutil.copytree(resources.WORKFLOWS, tmp_path / "workflows"))
    return tmp_path / "workflows"


@pytest.mark.parametrize(
    ("file", "whole", "broken"),
    [
        ("report.bpmn", "reports.freeze", "reports.thaw"),
        ("report.bpmn", "bpmn:userTask", "bpmn:scriptTask"),
        ("sanction_step.dmn", "</definitions>", ""),
    ],
)
def test_a_diagram_or_table_that_does_not_load_is_a_fault(
    terminal: Terminal, workflows: Path, file: str, whole: str, broken: str
) -> None:
    before = (workflows / file).read_text(encoding="utf-8")
    assert whole in before
    (workflows / file).write_text(before.replace(whole, broken), encoding="utf-8")
    assert the_fault(terminal.run("check"), "Diagrams").startswith(f"{file}: ")


def test_no_diagrams_at_all_is_a_fault(terminal: Terminal, workflows: Path) -> None:
    shutil.rmtree(workflows)
    assert "There are none" in the_fault(terminal.run("check"), "Diagrams")


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the bokmål catalogue of an installation whose files may be changed."""
    monkeypatch.setattr(resources, "TRANSLATIONS", shutil.copytree(resources.TRANSLATIONS, tmp_path / "translations"))
    return tmp_path / "translations" / "nb" / "LC_MESSAGES"


def test_a_catalogue_that_is_not_compiled_is_a_fault(terminal: Terminal, catalogue: Path) -> None:
    (catalogue / "messages.mo").unlink()
    words = the_fault(terminal.run("check"), "Translations to nb")
    assert words.startswith(f"{catalogue / 'messages.mo'} cannot be read: No such file or directory.")


@pytest.mark.parametrize(
    "text_of_today",
    [
        'msgid "A text of today"\nmsgstr "Dagens tekst"',
        'msgid "%(num)d a"\nmsgid_plural "%(num)d b"\nmsgstr[0] "%(num)d c"\nmsgstr[1] "%(num)d d"',
    ],
)
def test_a_catalogue_that_was_compiled_before_the_last_change_is_a_fault(
    terminal: Terminal, catalogue: Path, text_of_today: str
) -> None:
    with (catalogue / "messages.po").open("a", encoding="utf-8") as file:
        file.write(f"\n{text_of_today}\n")
    assert re.match(r"1 of \d+ texts are not compiled in", the_fault(terminal.run("check"), "Translations to nb"))


@pytest.mark.parametrize("name", ["theme.css", "inter-latin-ext-wght-normal.woff2", "htmx.js", "paper"])
def test_a_missing_file_of_others_is_named(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    static = shutil.copytree(resources.STATIC, tmp_path / "static")
    gone = static / "vendor" / name
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    monkeypatch.setattr(resources, "STATIC", static)
    assert the_fault(terminal.run("check"), "Front end").startswith(f"Missing: vendor/{name}")


# -- what it talks to -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "standing", "expected"),
    [
        ({}, "warning", "No server is named: letters are shown in the portal and reach nobody."),
        ({**POST, **ADDRESS}, "warning", "name a real sender"),
        (
            {**POST, **ADDRESS, "KLIMAKONTRAKT_MAIL_SENDER": "klima@lillevik.example"},
            "fine",
            "Letters go out through post.example as klima@lillevik.example.",
        ),
        ({"KLIMAKONTRAKT_MAIL_URL": "post.example"}, "fault", "smtp+starttls, smtps://host:port"),
        ({"KLIMAKONTRAKT_MAIL_URL": "smtp://portal:hemmelig@post.example", **ADDRESS}, "fault", "in the clear"),
    ],
)
def test_it_is_said_where_letters_go(
    terminal: Terminal, settings: dict[str, str], standing: str, expected: str
) -> None:
    result = terminal.run("check", **settings)
    found = looked_at(result)["Mail"]
    assert (found[0], expected in found[1]) == (standing, True), found
    assert result.exit_code == (1 if standing == "fault" else 0)
    assert "hemmelig" not in result.output


@pytest.mark.parametrize(
    ("address", "settings", "standing", "expected"),
    [
        ("", {}, "warning", "for this machine only"),
        ("", POST, "fault", "Links in letters lead to http://127.0.0.1:8000, which only this machine can open."),
        ("", {"KLIMAKONTRAKT_MAIL_URL": "smtp://localhost:1025"}, "warning", "for this machine only"),
        ("http://klima.example", {}, "warning", "not https"),
        ("https://klima.example", POST, "fine", "The portal answers as https://klima.example."),
        ("klima.example", {}, "fault", "it must be https://… and a host"),
        ("ftp://klima.example", {}, "fault", "it must be https://… and a host"),
    ],
)
def test_it_is_said_what_links_in_letters_lead_to(
    terminal: Terminal, address: str, settings: dict[str, str], standing: str, expected: str
) -> None:
    told = {"KLIMAKONTRAKT_BASE_URL": address} if address else {}
    result = terminal.run("check", **told, **settings)
    found = looked_at(result)["Address"]
    assert (found[0], expected in found[1]) == (standing, True), found
    assert result.exit_code == (1 if standing == "fault" else 0)


# -- the machine and its settings -------------------------------------------------------------------------------------


def test_a_disk_that_is_nearly_full_is_a_fault_and_one_that_will_be_a_warning(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=100 * 1024**2))
    assert "100 MB are free" in the_fault(terminal.run("check"), "Disk")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1024**3))
    assert looked_at(terminal.run("check"))["Disk"][0] == "warning"


def test_a_clock_that_differs_from_that_of_the_database_is_a_fault(on_either: Terminal) -> None:
    with clock.at(clock.now() + timedelta(minutes=2)):
        found = looked_at(on_either.run("check"))["Clock"]
    is_sqlite = "sqlite" in on_either.environment["DATABASE_URL"]
    assert found[0] == ("fine" if is_sqlite else "fault")
    with clock.at(datetime(2001, 1, 1, tzinfo=UTC)):
        assert looked_at(on_either.run("check"))["Clock"][0] == "fault"


@pytest.mark.parametrize(
    ("settings", "standing"),
    [
        ({"KLIMAKONTRAKT_METRICS": "short"}, "fault"),
        ({"KLIMAKONTRAKT_METRICS": "loopback"}, "fine"),
        ({"KLIMAKONTRAKT_METRICS": "t" * 40}, "fine"),
        ({"KLIMAKONTRAKT_LOG": "xml"}, "fault"),
        ({"KLIMAKONTRAKT_OUTGOING_ALLOWED": "provider.example"}, "fault"),
        ({"KLIMAKONTRAKT_SECRET_KEY_FALLBACKS": "short"}, "fault"),
        ({"KLIMAKONTRAKT_SECRET_KEY_FALLBACKS": SECRET}, "warning"),
    ],
)
def test_settings_are_read_and_those_worth_nothing_are_told(
    terminal: Terminal, settings: dict[str, str], standing: str
) -> None:
    result = terminal.run("check", **settings)
    assert looked_at(result)["Configuration"][0] == standing
    assert not any(value in result.output for value in settings.values() if len(value) > 30)


def test_a_trail_that_was_changed_is_a_fault(
    terminal: Terminal, make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    with make_app(sqlite_url).app_context(), transaction():
        build_world()
    found = looked_at(terminal.run("check"))
    assert found["Audit trail"] == ("fine", "Every chain is whole.")
    assert found["Signed reports"] == ("fine", "Every report is as it was signed.")
    url, guard = terminal.environment["DATABASE_URL"], "DROP TRIGGER guard_audit_event_update"
    change(url, guard, "UPDATE audit_event SET action = 'x' WHERE id = (SELECT min(id) FROM audit_event)")
    assert terminal.run("migrate").exit_code == 0  # the trigger is back, and the trail still tells
    assert "organisation:1 at 1: the entry is not what was written" in the_fault(terminal.run("check"), "Audit trail")
