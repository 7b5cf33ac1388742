"""The traps of security.md part 3: each names its tests in tests/traps.txt, and those that had none are here."""

import ast
import re
from pathlib import Path

from flask import Flask

from portal import resources
from tests.browsing import KARI, PASSWORD, Browser, Maker, with_people

ROOT = Path(__file__).parent.parent.parent
TRAPS = ROOT / "tests" / "traps.txt"
EVERY = {f"{part}{number}" for part, most in (("A", 20), ("B", 5), ("C", 4), ("D", 3)) for number in range(1, most + 1)}


def mapped() -> list[tuple[str, str, str]]:
    lines = [line.split() for line in TRAPS.read_text(encoding="utf-8").splitlines()]
    return [(line[0], line[1], line[2]) for line in lines if line and not line[0].startswith("#")]


def test_every_trap_has_its_test() -> None:
    assert {trap for trap, _file, _test in mapped()} == EVERY
    for trap, file, test in mapped():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        known = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert test in known, (trap, file, test)


def test_nobody_is_remembered_beyond_the_session(make_app: Maker, sqlite_url: str) -> None:
    browser = Browser(with_people(make_app(sqlite_url)).test_client())
    answer = browser.post("/sign-in", None, email=KARI, password=PASSWORD, remember="y", remember_me="1")
    assert answer.status_code == 303
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert "remember" not in cookie
        assert "Expires" not in cookie
        assert "Max-Age" not in cookie


def test_whatever_is_a_page_escapes_what_it_shows(make_app: Maker, sqlite_url: str) -> None:
    app: Flask = make_app(sqlite_url)
    shown = {
        node.args[0].value
        for path in (resources.PACKAGE / "web").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "render_template"
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert len(shown) > 30
    for name in shown:
        assert app.select_jinja_autoescape(str(name)), name
    for path in Path(resources.TEMPLATES).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape\s+false", text), path
        assert not re.search(r"<[^>{}\"']*\s[\w-]+=\{\{", text), path


def test_nothing_stored_is_run() -> None:
    """No pickle, no code out of text. SpiffWorkflow's older serializer reads pickles: it is not there."""
    for path in resources.PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert getattr(node.func, "id", "") not in {"eval", "exec", "compile", "__import__"}, (
                    path,
                    node.lineno,
                )
            names = [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (getattr(node, "module", "") or "") if isinstance(node, ast.ImportFrom) else ""
            for name in [*names, module]:
                assert not re.match(r"pickle|marshal|shelve|SpiffWorkflow\.serializer\.dict", name), (path, name)
            assert "render_template_string" not in names, path
