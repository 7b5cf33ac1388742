"""A browser, portals for it to visit, and people to sit at it."""

import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from portal import clock
from portal.extensions import transaction
from tests.browser.page_checks import CHROMIUM_ARGUMENTS, PageChecks, check_page, chromium
from tests.browser.server import Portal, serving
from tests.browser.visitor import PASSWORD, Visitor, Words
from tests.conftest import A_FRIDAY_IN_NOVEMBER, DEMO_FILE
from tests.mail_server import MailServer
from tests.signing_in import equip, stored_once
from tests.world import MARCH, World, build_world

__all__ = ["check_page"]

Visit = Callable[..., Visitor]

expect.set_options(timeout=20_000)
"""What is expected comes at once, or late where the machine does much else: five seconds were not enough for that."""


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Each test begins at the same moment."""
    clock.move_to(A_FRIDAY_IN_NOVEMBER)
    yield
    clock.reset()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, check_page: PageChecks) -> Iterator[Visit]:
    """Seats somebody at a browser: visit(portal, "nb"). `scripts`: with JavaScript; `checks`: every look counts."""
    contexts = []

    def seated(portal: Portal, language: str = "nb", *, scripts: bool = True, checks: bool = True) -> Visitor:
        context = browser.new_context(
            base_url=portal.url,
            locale="nb-NO",
            viewport={"width": 1280, "height": 900},
            java_script_enabled=scripts,
            reduced_motion="reduce",  # a button that still slides while it is pressed is not pressed
        )
        context.add_cookies([{"name": "language", "value": language, "url": portal.url}])
        contexts.append(context)
        return Visitor(context, Words(language), check_page if checks else None)

    yield seated
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def demo_portal(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demo, served to everybody who only reads."""
    file = shutil.copy(demo_folder / DEMO_FILE, tmp_path_factory.mktemp("demo-copy"))
    with serving(f"sqlite:///{file}", demo_folder) as portal:
        yield portal


@pytest.fixture
def small_portal(sqlite_url: str, tmp_path: Path) -> Iterator[Portal]:
    """The small world, served without a worker."""
    with serving(sqlite_url, tmp_path) as portal:
        yield portal


def settle(portal: Portal, language: str = "nb", starts_on: date = MARCH) -> World:
    """People the small world, whose contract starts with a month; everybody has a password and reads `language`."""
    with portal.app.app_context(), transaction():
        world = build_world()
        world.contract.starts_on = starts_on
        kept = stored_once(PASSWORD)
        for member in (world.anna, world.bo, world.stranger, world.rita, world.ruth, world.adam, world.dora):
            member.person.password, member.person.language = kept, language
        equip(*(by.person for by in (world.bo, world.stranger, world.rita, world.ruth, world.adam, world.dora)))
    return world


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server on loopback that takes every letter."""
    server = MailServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
