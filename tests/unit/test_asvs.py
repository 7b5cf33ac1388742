"""The table of docs/asvs.md names tests that are there and leaves no row out; a new installation has no way in."""

import ast
import re
from functools import cache

import pytest

from portal import resources
from portal.config import Settings
from portal.model import Organisation, Person, WebSession
from tests.browsing import Maker, count

TABLE = resources.PACKAGE.parent / "docs" / "asvs.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TABLE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d", line)
]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE.read_text(encoding="utf-8"))))
FEWEST_ROWS = 30


@cache
def _tests_of(file: str) -> frozenset[str]:
    tree = ast.parse((resources.PACKAGE.parent / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    assert name in _tests_of(file)


def test_every_row_says_what_shows_it() -> None:
    assert len(ROWS) >= FEWEST_ROWS
    for row in ROWS:
        assert len(row) == 3, row
        assert "::" in row[2] or "Deployment" in row[2] or "Not yet" in row[2], row


def test_a_new_installation_has_nobody_and_a_key_of_its_own(
    make_app: Maker, sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    app = make_app(sqlite_url)
    assert [count(app, each) for each in (Person, Organisation, WebSession)] == [0, 0, 0]
    made = [
        Settings.from_environment({"KLIMAKONTRAKT_INSTANCE": str(tmp_path_factory.mktemp("new"))}) for _ in range(2)
    ]
    assert made[0].secret_key != made[1].secret_key
    assert min(len(each.secret_key) for each in made) >= 64
