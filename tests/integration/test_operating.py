"""What those who run the portal see: ids, the log, whether it is well, and its figures."""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import insert, text
from werkzeug.test import TestResponse

from portal import clock, jobs, tracing
from portal.extensions import db, enqueue, parts, transaction
from portal.logs import FACTS, JsonLines, TextLines, clean
from portal.model import Person, SignInAttempt
from portal.operations import vitals
from portal.web import access
from tests.browsing import KARI, Browser, Maker, with_people
from tests.terminal import Terminal

TOKEN = "a-token-for-tests-" + "y" * 32


class Lines(logging.Handler):
    """The log as it would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.told() if line["message"] == "request"]


@pytest.fixture
def log() -> Iterator[Lines]:
    kept, portal = Lines(), logging.getLogger("portal")
    level = portal.level
    portal.addHandler(kept)
    portal.setLevel(logging.INFO)
    yield kept
    portal.removeHandler(kept)
    portal.setLevel(level)


@pytest.fixture
def app(make_app: Maker, sqlite_url: str) -> Flask:
    return with_probes(make_app(sqlite_url, metrics=TOKEN))


def with_probes(app: Flask) -> Flask:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/probe/crash")
    @access.public("a test")
    def crash() -> ResponseReturnValue:
        raise ValueError("kari.nordmann@entreprenor.example wrote her name")

    @app.get("/probe/collide")
    @access.public("a test")
    def collide() -> ResponseReturnValue:
        with transaction() as writing:
            values = {"email": KARI, "name": "Kari Igjen", "fs_uniquifier": "x", "active": True}
            writing.execute(insert(Person).values(**values))
        return ""

    return with_people(app)


# -- ids and the log --------------------------------------------------------------------------------------------------


def test_every_answer_and_its_line_carry_one_id_that_is_ours(app: Flask, log: Lines) -> None:
    for url, status in (("/sign-in", 200), ("/no-such", 404), ("/probe/crash", 500), ("/static/css/page.css", 200)):
        with app.test_client().get(url, headers={"X-Request-Id": "made-up"}) as answer:
            [identity] = answer.headers.getlist("X-Request-Id")
            assert (answer.status_code, bool(re.fullmatch(r"[0-9a-f]{16}", identity))) == (status, True)
            assert (log.requests()[-1]["request"], log.requests()[-1]["status"]) == (identity, status)
    assert len({line["request"] for line in log.requests()}) == 4
    assert tracing.current() == ""


def test_a_fault_of_ours_shows_its_reference_and_the_log_says_where_it_was(app: Flask, log: Lines) -> None:
    answer = app.test_client().get("/probe/crash")
    assert (answer.status_code, answer.headers["X-Request-Id"] in answer.text) == (500, True)
    assert not re.search(r"Traceback|ValueError|wrote her name|\.py\b", answer.text)
    [line] = [line for line in log.told() if line["level"] == "error"]
    assert line["request"] == answer.headers["X-Request-Id"]
    assert line["error"] == "ValueError"
    assert re.search(r"test_operating\.py:\d+ crash$", line["places"][-1])


def test_the_log_holds_nothing_that_anybody_typed(app: Flask, log: Lines) -> None:
    browser = Browser(app.test_client())
    browser.sign_in()
    browser.sign_in(password="feil passord her")
    browser.get("/account?secret=of-the-query")
    browser.get("/no-such/kari@entreprenor.example")
    browser.get("/probe/crash?name=Nordmann")
    assert browser.get("/probe/collide").status_code == 409
    browser.client.post("/sign-in", data={"email": KARI, "password": "x"})
    whole = "\n".join(log.lines)
    assert len(log.requests()) > 6
    for typed in ("@", "Nordmann", "kari", "Kari", "of-the-query", "feil passord", "seks hvite"):
        assert typed not in whole, typed


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_nobody_can_forge_a_line(form: logging.Formatter) -> None:
    forged = 'x\n{"level": "info", "message": "signed in"}\r\u2028\u0085\x1b[31m\u202e'
    record = logging.LogRecord("portal", logging.INFO, __file__, 1, "Refused: %s", (forged,), None)
    setattr(record, FACTS, {"reason": forged})
    line = form.format(record)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert "\u202e" not in line


def test_what_others_say_is_cleaned() -> None:
    assert clean("550 <kari@x.example> is unknown, ola+1@y.example too") == "550 <[e-mail]> is unknown, [e-mail] too"
    assert len(clean("x" * 100_000)) == 4000


def test_the_log_names_the_cause_of_a_cause() -> None:
    try:
        open_disk()
    except RuntimeError as error:
        record = logging.LogRecord("portal", logging.ERROR, __file__, 1, "x", (), (type(error), error, None))
        line = json.loads(JsonLines().format(record))
    assert line["error"] == "RuntimeError < FileNotFoundError"
    assert "kari" not in json.dumps(line)
    assert [place.rpartition(" ")[2] for place in line["places"]][1:] == ["open_disk", "open_disk"]


def open_disk() -> None:
    try:
        os.stat("/no-such/kari@x.example")  # noqa: PTH116 - no frame of a library in between
    except OSError as cause:
        raise RuntimeError("no kari") from cause


def test_a_form_of_log_that_there_is_not_is_refused_in_one_line(tmp_path: Path, sqlite_url: str) -> None:
    terminal = Terminal(tmp_path, DATABASE_URL=sqlite_url)
    words = terminal.refused("work", KLIMAKONTRAKT_LOG="xml")
    assert words == "Error: KLIMAKONTRAKT_LOG is xml; it must be text or json."


def test_a_job_has_an_id_of_its_own_in_the_log(app: Flask, log: Lines) -> None:
    with app.app_context():
        ran: list[str] = []
        assert jobs._tried(lambda _: ran.append(tracing.current()), "x.y", {}) is None  # noqa: SLF001

        def fail(_payload: object) -> None:
            ran.append(tracing.current())
            raise ValueError("of kari@x.example")

        assert jobs._tried(fail, "x.z", {"mail": 1})  # noqa: SLF001
    done, failed = log.told()[-2:]
    assert [done["request"], failed["request"]] == ran
    assert len(set(ran)) == 2
    assert (done["job"], failed["error"], failed["message"]) == ("x.y", "ValueError", "Job x.z failed with {'mail': 1}")


# -- whether it is well -----------------------------------------------------------------------------------------------


def test_it_lives_whatever_else_is_down(app: Flask) -> None:
    with app.app_context():
        db.session.execute(text("PRAGMA user_version"))
        db.session.remove()
    assert app.test_client().get("/health/live").json == {"status": "ok"}


def test_it_is_ready_once_somebody_works_and_no_longer_when_nobody_has(make_app: Maker, database_url: str) -> None:
    app = make_app(database_url)
    client = app.test_client()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "fails", "database": "ok", "worker": "fails", "disk": "ok"},
    )
    with app.app_context():
        parts().jobs.launch()
        with transaction():
            enqueue("mail.sweep", {}, key="once")
        assert client.get("/health/ready").status_code == 200
        wait_until_done()
        parts().jobs.close()
    again = make_app(database_url).test_client()
    assert again.get("/health/ready").json == {"status": "ok", "database": "ok", "worker": "ok", "disk": "ok"}
    with clock.at(clock.now() + vitals.SILENCE + timedelta(seconds=1)):
        assert told(again.get("/health/ready"))["worker"] == "fails"


def told(answer: TestResponse) -> dict[str, str]:
    found: dict[str, str] = answer.get_json()
    return found


def wait_until_done() -> None:
    limit = clock.now() + timedelta(seconds=20)
    while clock.now() < limit:
        with db.engine.connect() as connection:
            if jobs.last_done(connection) is not None:
                return
    raise AssertionError("The job was not done.")


def test_it_is_not_ready_when_the_disk_is_nearly_full(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=vitals.LEAST_FREE_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    answer = app.test_client().get("/health/ready")
    assert (answer.status_code, told(answer)["disk"]) == (503, "fails")


def test_a_database_that_is_gone_is_told_without_a_word_of_where_it_was(
    make_app: Maker, sqlite_url: str, tmp_path: Any
) -> None:
    app = make_app(sqlite_url)
    client = app.test_client()
    for file in tmp_path.glob("klimakontrakt.db*"):
        file.write_bytes(b"gone" * 4000)
    with app.app_context():
        db.engine.dispose()
    answer = client.get("/health/ready")
    assert (answer.status_code, told(answer)["database"]) == (503, "fails")
    assert str(tmp_path) not in answer.text
    assert client.get("/health/live").status_code == 200


def test_machines_may_ask_by_any_name(app: Flask) -> None:
    client = app.test_client()
    for host in ("10.0.0.7:8000", "evil.example"):
        assert client.get("/health/live", headers={"Host": host}).status_code == 200
        assert client.get("/sign-in", headers={"Host": host}).status_code == 400


# -- figures ----------------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    setting: str
    headers: dict[str, str]
    address: str
    status: int


@pytest.mark.parametrize(
    "asked",
    [
        Asked("", {}, "127.0.0.1", 404),
        Asked("", {"Authorization": "Bearer "}, "127.0.0.1", 404),
        Asked("loopback", {}, "127.0.0.1", 200),
        Asked("loopback", {}, "192.0.2.1", 404),
        Asked("loopback", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", 404),
        Asked("loopback", {"Authorization": "Bearer loopback"}, "192.0.2.1", 404),
        Asked(TOKEN, {"Authorization": f"Bearer {TOKEN}"}, "192.0.2.1", 200),
        Asked(TOKEN, {"Authorization": "Bearer another"}, "127.0.0.1", 404),
        Asked(TOKEN, {"Authorization": "Bearer blåbær"}, "127.0.0.1", 404),
        Asked(TOKEN, {}, "127.0.0.1", 404),
    ],
)
def test_figures_are_there_for_those_who_may_read_them_only(make_app: Maker, sqlite_url: str, asked: Asked) -> None:
    client = make_app(sqlite_url, metrics=asked.setting).test_client()
    answer = client.get("/metrics", headers=asked.headers, environ_base={"REMOTE_ADDR": asked.address})
    assert answer.status_code == asked.status


def figures(app: Flask) -> dict[str, float]:
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    found = re.findall(r"^(\S+(?:\{.*\})?) (\S+)$", answer.text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_figures_count_by_page_and_never_by_id(app: Flask) -> None:
    browser = Browser(app.test_client())
    browser.sign_in()
    for number in range(3):
        browser.get(f"/probe/machines/00000000-0000-4000-8000-00000000000{number}")
        browser.get(f"/no-such-{number}")
    browser.client.open("/no-such", method="MADEUP")
    found = figures(app)
    assert found['klimakontrakt_answers_total{endpoint="machine",method="GET",status="404"}'] == 3
    assert found['klimakontrakt_answers_total{endpoint="none",method="GET",status="404"}'] == 3
    assert found['klimakontrakt_answers_total{endpoint="none",method="other",status="404"}'] == 1
    assert not [name for name in found if "0000" in name or "no-such" in name or "MADEUP" in name]


def test_figures_tell_what_waits_and_what_was_refused(make_app: Maker, database_url: str) -> None:
    app = make_app(database_url, metrics=TOKEN)
    with app.app_context():
        with transaction() as writing:
            enqueue("mail.sweep", {}, key="one")
            enqueue("mail.sweep", {}, key="two")
            hour = timedelta(hours=1)
            for at, succeeded in ((clock.now(), False), (clock.now(), True), (clock.now() - 2 * hour, False)):
                writing.add(SignInAttempt(at=at, email="x@y.example", address="192.0.2.1", succeeded=succeeded))
        found = figures(app)
    assert found["klimakontrakt_jobs_waiting"] == 2
    assert found["klimakontrakt_jobs_failed"] == 0
    assert found["klimakontrakt_mail_waiting"] == 0
    assert found["klimakontrakt_sign_ins_refused"] == 1
