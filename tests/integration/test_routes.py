"""Who gets which answer from which route: tests/routes.txt is asked, line by line, and leaves no route out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from portal.web import access
from portal.web.access import Guarded
from tests.tenants import NOBODY, Tenants

TABLE = Path(__file__).parent.parent / "routes.txt"
READERS = (
    NOBODY,
    "reporter",
    "signatory",
    "supplier_admin",
    "reviewer",
    "manager",
    "decider",
    "buyer_admin",
    "their_supplier",
    "their_buyer",
)
"""The columns of the table."""
GUESSES = {"key": "machinery", "line": "{line}", "file": "{draft_evidence}", "act": "close", "name": "pause"}
"""What stands in an address that the table does not have yet, for parts that name no row."""


class Line(NamedTuple):
    """One line of the table."""

    address: str
    method: str
    answers: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.address:<88} {self.method:<4} {' '.join(f'{each:>3}' for each in self.answers)}"


def table() -> list[Line]:
    written = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines()]
    return [Line(line[0], line[1], tuple(line[2:])) for line in written if line and not line[0].startswith("#")]


def test_every_route_is_in_the_table(tenants: Tenants) -> None:
    adapter = tenants.app.url_map.bind("127.0.0.1")
    known = {(adapter.match(address_of(line, tenants), method=line.method)[0], line.method) for line in table()}
    missing = [
        asked(tenants, Line(_guess(route), method, ()))
        for route in access.guarded_routes(tenants.app)
        for method in sorted(route.methods)
        if (route.endpoint, method) not in known
    ]
    assert not missing, "\n".join(
        ["add to tests/routes.txt, if these answers are right (in: is led to sign in):", *map(str, missing)]
    )


def test_every_route_answers_as_the_table_says(tenants: Tenants) -> None:
    wrong = []
    for line in table():
        assert len(line.answers) == len(READERS), line
        found = asked(tenants, line)
        if found != line:
            wrong += [f"in the table: {line}", f"answered:     {found}"]
    assert not wrong, "\n".join(wrong)


def test_other_methods_are_refused(tenants: Tenants) -> None:
    for line in {_path(line): line for line in table()}.values():
        for method in ("PUT", "DELETE", "PATCH"):
            assert tenants.ask("buyer", method, address_of(line, tenants)).status_code == 405, (line, method)


def asked(tenants: Tenants, line: Line) -> Line:
    """The line with what is answered now. An empty form is sent, and what it changed is put back."""
    return line._replace(answers=tuple(_answers(tenants, line)))


def _answers(tenants: Tenants, line: Line) -> Iterator[str]:
    for who in READERS:
        with tenants.unchanged():
            found = tenants.ask(who, line.method, address_of(line, tenants))
        is_led_in = found.status_code == 303 and found.location.startswith("/sign-in")
        yield "in" if is_led_in else str(found.status_code)


def address_of(line: Line, tenants: Tenants) -> str:
    return line.address.format(**tenants.first.things)


def _path(line: Line) -> str:
    return line.address.partition("?")[0]


def _guess(route: Guarded) -> str:
    row = "{" + (route.entity.__tablename__ if route.entity else "membership") + "}"
    return re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda found: GUESSES.get(found[1], row), route.rule)


@pytest.mark.parametrize("who", ["their_supplier", "their_buyer"])
def test_no_line_lets_strangers_in(who: str) -> None:
    """What names a row answers a stranger that it is not there, whatever their roles. Read from the table itself.

    A program without a token is asked for one, whatever it names.
    """
    for line in table():
        if "{" in line.address and "membership" not in line.address:
            assert line.answers[READERS.index(who)] == ("401" if line.address.startswith("/api/") else "404"), line
