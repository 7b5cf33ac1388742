"""What the worker does: letters through a real mail server, timers, periods; nothing lost when something is down."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from portal import clock
from portal.extensions import db, parts, transaction
from portal.model import Contract, DeviationState, MailState, OutgoingMail, Pause, Process, Report
from portal.operations import processes
from portal.operations.cases import notices
from portal.operations.running import contract_life
from portal.work import MailStuck, deliver_mail, open_periods, sweep_mail, tick_timers
from tests.casework import found
from tests.world import World, build_world, open_in_time, open_tasks, submit


@dataclass
class MailServer:
    """A small real SMTP server on loopback that does as it is told."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    letters: list[bytes] = field(default_factory=list)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    told = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 prove.example\r\n")
            for line in self.rfile:
                verb = line.split(b" ")[0].strip().upper().decode()
                if verb == "DATA" and "DATA" not in told.answers:
                    self._take_letter()
                    continue
                self.wfile.write(told.answers.get(verb, b"250 ok") + b"\r\n")
                if verb == "QUIT":
                    return

        def _take_letter(self) -> None:
            self.wfile.write(b"354 go on\r\n")
            letter = b""
            while not letter.endswith(b"\r\n.\r\n"):
                letter += self.rfile.readline()
            told.letters.append(letter)
            self.wfile.write(b"250 taken\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield told
        server.shutdown()


@pytest.fixture
def mailing(make_app: Callable[..., Flask], sqlite_url: str, mail_server: MailServer) -> Iterator[World]:
    app = make_app(sqlite_url, mail_url=f"smtp://127.0.0.1:{mail_server.port}", mail_sender="portal@prove.example")
    with app.app_context():
        with transaction():
            world = build_world()
        yield world


def _queued() -> list[int]:
    rows = db.session.scalars(
        select(OutgoingMail.id).where(OutgoingMail.state == MailState.QUEUED).order_by(OutgoingMail.id)
    )
    return list(rows)


def test_a_delivered_notice_starts_the_time_to_reply(mailing: World, mail_server: MailServer) -> None:
    deviation = found(mailing)
    with transaction():
        notices.give_notice(deviation, "Varsel om brudd.", 5, by=mailing.adam, version=deviation.version)
    for number in _queued():
        deliver_mail({"mail": number})
    assert deviation.state == DeviationState.AWAITING_REPLY
    assert any(b"bo@prove.example" in letter and b"4.2" in letter for letter in mail_server.letters)
    assert deviation.notices[0].delivered_how == "e-mail to anna@prove.example"
    before = len(mail_server.letters)
    for row in db.session.scalars(select(OutgoingMail.id)).all():
        deliver_mail({"mail": row})
    assert len(mail_server.letters) == before


def test_a_server_that_is_busy_is_tried_again_and_nothing_is_delivered_meanwhile(
    mailing: World, mail_server: MailServer
) -> None:
    mail_server.answers["RCPT"] = b"451 busy, try later"
    submit(mailing)
    number = _queued()[0]
    with pytest.raises(MailStuck):
        deliver_mail({"mail": number})
    row = db.session.get_one(OutgoingMail, number)
    assert (row.state, row.attempts, row.sent_at) == (MailState.QUEUED, 1, None)
    mail_server.answers.clear()
    sweep_mail({})
    deliver_mail({"mail": number})
    assert db.session.get_one(OutgoingMail, number).state == MailState.SENT


def test_a_recipient_who_does_not_exist_is_a_failure_that_can_be_seen(mailing: World, mail_server: MailServer) -> None:
    mail_server.answers["RCPT"] = b"550 no such user"
    submit(mailing)
    number = _queued()[0]
    deliver_mail({"mail": number})
    row = db.session.get_one(OutgoingMail, number)
    assert row.state == MailState.FAILED
    assert "550" in row.error


def test_one_process_that_fails_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    open_in_time(world, *(date(2026, month, 1) for month in range(1, 13)))
    clock.move_to(datetime(2027, 3, 1, 12, tzinfo=UTC))
    broken = world.report.id
    real = processes.tick

    def tick(number: int) -> None:
        if db.session.get_one(Process, number).subject_id == broken:
            raise RuntimeError("broken on purpose")
        real(number)

    monkeypatch.setattr(processes, "tick", tick)
    tick_timers({})
    overdue = db.session.scalars(select(Report.id).where(Report.overdue_at.is_not(None))).all()
    assert broken not in overdue
    assert len(overdue) >= 8


def test_periods_open_once_each_by_the_month(world: World) -> None:
    clock.move_to(datetime(2026, 6, 2, 12, tzinfo=UTC))
    open_periods({})
    open_periods({})
    count = db.session.scalar(select(func.count()).select_from(Report).where(Report.contract_id == world.contract.id))
    assert count == 6  # January to June 2026
    assert open_tasks().count("fill_in") == 6


def test_the_same_act_after_the_data_were_put_back_is_a_job_again(world: World) -> None:
    """Jobs are remembered across a reset of the demo or a restored database, where ids and versions come again."""
    contract = world.contract
    as_it_was = (contract.version, contract.state)
    for _ in ("before", "after the data were put back"):
        with transaction():
            contract_life.pause(contract, date(2026, 3, 10), "Stans.", by=world.adam, version=contract.version)
        with transaction() as session:
            session.execute(delete(Pause))
            session.execute(update(Contract).values(version=as_it_was[0], state=as_it_was[1]))
        db.session.expire_all()
    db.session.rollback()
    assert sum(job.name == "periods.open" for job in parts().jobs.list("waiting")) == 2
