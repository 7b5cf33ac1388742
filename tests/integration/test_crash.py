"""The server dies by `kill -9` in the middle of a submission: no half report, and the trail is whole."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from flask import Flask
from sqlalchemy import select

from portal import calendars, clock, resources, tenancy
from portal.extensions import db, transaction
from portal.model import Figure, HumanTask, Measured, Process, Report, ReportState, RevisionLine
from portal.operations import audit, processes
from portal.operations.contracts import contracts
from portal.operations.reports import reports, revisions
from tests import postgres
from tests.conftest import SECRET
from tests.http import PASSWORD, HttpBrowser
from tests.signing_in import equip, stored_once
from tests.world import World, build_world, fill_in

START = "from portal.cli import main; import sys; sys.argv[0] = 'portal'; main()"
PATIENCE = 240


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.soak)])
def test_killed_in_mid_submit(make_app: Callable[..., Flask], database_url: str, tmp_path: Path, kills: int) -> None:
    app, chance = make_app(database_url), Random(kills)
    with app.app_context():
        world, waiting = _ready_reports(kills + 1)
        port = _free_port()
        with _serving(database_url, tmp_path, port):
            browser = HttpBrowser(port, world.bo.person.email)
        for report in waiting[:-1]:
            with _serving(database_url, tmp_path, port) as server:
                address = f"/reports/{report.public_id}"
                form = browser.form(f"{address}/check")
                sending = threading.Thread(target=_send, args=(browser, f"{address}/sign", form))
                sending.start()
                time.sleep(chance.uniform(0.0, 0.25))
                os.kill(server.pid, signal.SIGKILL)
                server.wait()
                sending.join()
            _assert_whole(report)
        with _serving(database_url, tmp_path, port):
            status, _page = browser.submit(
                f"/reports/{waiting[-1].public_id}/check", f"/reports/{waiting[-1].public_id}/sign"
            )
            assert status == 303
        _assert_whole(waiting[-1])
        assert waiting[-1].state == ReportState.SUBMITTED


def _ready_reports(count: int) -> tuple[World, list[Report]]:
    """So many reports that only lack the signature."""
    with transaction():
        world = build_world()
        world.bo.person.password = stored_once(PASSWORD)
        equip(world.bo.person)
    waiting = []
    for month in calendars.months_between(world.report.period.starts_on, world.contract.ends_on)[:count]:
        if month.starts_on != world.report.period.starts_on:
            with transaction():
                world.report = contracts.open_period(world.contract, month)
        fill_in(world)
        with transaction():
            reports.make_ready(world.report, by=world.anna, version=world.report.version)
        waiting.append(world.report)
    clock.reset()
    return world, waiting


def _send(browser: HttpBrowser, path: str, form: dict[str, str]) -> None:
    with suppress(OSError):
        browser.call("POST", path, form)


def _assert_whole(report: Report) -> None:
    """Either everything of the submission is there, or nothing."""
    db.session.rollback()
    db.session.expire_all()
    steps = set(
        db.session.scalars(
            select(HumanTask.element).where(
                HumanTask.subject_id == report.id, HumanTask.subject == "report", HumanTask.closed_at.is_(None)
            )
        )
    )
    lines = db.session.scalars(
        select(RevisionLine).where(RevisionLine.revision_id.in_([row.id for row in report.revisions]))
    ).all()
    if report.state == ReportState.TO_SIGN:
        assert (report.revisions, lines, steps) == ([], [], {"sign"})
    else:
        assert (report.state, steps, len(lines)) == (ReportState.SUBMITTED, {"review"}, 2)
        revision = report.revisions[0]
        assert revision.hash == revisions.content_hash(report, revision)
        assert db.session.scalars(select(Figure.id).where(Figure.revision_id == revision.id)).all()
        assert db.session.scalars(select(Measured.id).where(Measured.line_id.in_([line.id for line in lines]))).all()
    assert db.session.scalars(select(Process).where(Process.subject_id == report.id, Process.subject == "report")).one()
    assert processes.of(report).ended_at is None
    db.session.rollback()
    assert list(audit.broken_links()) == []


@contextmanager
def _serving(database_url: str, folder: Path, port: int) -> "Iterator[subprocess.Popen[bytes]]":
    environment = {
        **os.environ,
        "DATABASE_URL": postgres.as_role(database_url, tenancy.WORKER_ROLE),
        "KLIMAKONTRAKT_INSTANCE": str(folder),
        "KLIMAKONTRAKT_FILES_URL": f"file://{folder / 'files'}",
        "KLIMAKONTRAKT_SECRET_KEY": SECRET,
        "KLIMAKONTRAKT_BASE_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-c", START, "serve", "--port", str(port), "--no-work"]
    with subprocess.Popen(command, cwd=resources.ROOT, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            _await(port)
            yield server
        finally:
            server.kill()


def _await(port: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("The server did not start.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
