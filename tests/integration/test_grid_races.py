"""Many rows on their way at once, against a real server on either database: a paste does not conflict with itself."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial

from flask import Flask
from lxml import html
from sqlalchemy import select

from portal import clock
from portal.extensions import db, transaction
from portal.model import DraftLine, Report
from portal.operations import audit
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from tests.http import PASSWORD, HttpBrowser
from tests.pages import fields
from tests.serving import AT_ONCE, server
from tests.signing_in import stored_once
from tests.world import World, build_world

__all__ = ["server"]


def test_rows_that_are_sent_at_once_are_all_saved(server: tuple[Flask, int]) -> None:
    app, port = server
    with app.app_context():
        world = peopled()
        anna = HttpBrowser(port, world.anna.person.email)
        lines, form = page_of(anna, world)
        sent = [one_row(form, row, hours=str(row + 1)) for row in range(AT_ONCE)]
        acts = [partial(anna.call, "POST", f"{lines}/lines/{key}", body) for key, body in sent]
        assert Counter(status for status, _page in at_once(acts)) == {303: AT_ONCE}
        assert [line.raw["hours"] for line in stored(world)] == [str(row + 1) for row in range(AT_ONCE)]
        assert list(audit.broken_links()) == []


def test_of_many_on_one_row_the_first_is_stored_and_the_others_are_told(server: tuple[Flask, int]) -> None:
    app, port = server
    with app.app_context():
        world = peopled()
        people = [HttpBrowser(port, by.person.email) for by in (world.anna, world.bo) * (AT_ONCE // 2)]
        lines, form = page_of(people[0], world)
        sent = [one_row(form, 0, hours=str(number + 1)) for number in range(AT_ONCE)]
        acts = [
            partial(browser.call, "POST", f"{lines}/lines/{key}", body)
            for browser, (key, body) in zip(people, sent, strict=True)
        ]
        answers = at_once(acts)
        assert Counter(status for status, _page in answers) == {303: 1, 409: AT_ONCE - 1}
        winner = stored(world)[0].raw["hours"]
        for status, page in answers:
            assert status == 303 or re.search(rf"\b{winner}\u00a0h", page), page


def peopled() -> World:
    with transaction():
        world = build_world()
        for place in range(AT_ONCE - 2):
            machine = machines.register(MachineFacts(f"M-{place}", "crane", "diesel", "V"), by=world.anna)
            machines.deploy(machine, world.contract, date(2026, 1, 1), None, by=world.anna)
        kept = stored_once(PASSWORD)
        for by in (world.anna, world.bo):
            by.person.password, by.person.language = kept, "en"
    clock.reset()
    return world


def page_of(browser: HttpBrowser, world: World) -> tuple[str, dict[str, str]]:
    address = f"/reports/{world.report.public_id}/sections/machinery"
    return address, fields(html.fromstring(browser.call("GET", address)[1]))


def one_row(form: dict[str, str], row: int, **typed: str) -> tuple[str, dict[str, str]]:
    """The key of a row's line, and what the browser sends of it."""
    name = f"lines-{row}"
    own = {key: value for key, value in form.items() if key.startswith(f"{name}-")}
    own |= {f"{name}-in_{column}": value for column, value in typed.items()}
    return form[f"{name}-key"], {"version": form["version"], **own}


def at_once(acts: Sequence[Callable[[], tuple[int, str]]]) -> list[tuple[int, str]]:
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def stored(world: World) -> list[DraftLine]:
    db.session.rollback()
    db.session.expire_all()
    section = db.session.scalars(select(Report).where(Report.id == world.report.id)).one().section("machinery")
    return list(section.lines)
