"""What the source must not hold, which versions are the lowest that are safe, and that XML brings no document type."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from portal import resources
from portal.errors import BadDefinition
from portal.workflow import load_definitions

SOURCE = sorted(resources.PACKAGE.rglob("*.py"))
ROOT = resources.PACKAGE.parent

FORBIDDEN_CALLS = {
    "eval": "text from outside would be code",
    "exec": "text from outside would be code",
    "compile": "text from outside would be code",
    "__import__": "what is imported stands at the top",
    "render_template_string": "a template is a file of ours",
    "breakpoint": "it stops the server",
}
FORBIDDEN_MODULES = {
    "pickle": "reading it runs what it holds",
    "marshal": "reading it runs what it holds",
    "shelve": "it is pickle",
    "dill": "it is pickle",
    "random": "secrets come from `secrets`; a UUID is none",
    "requests": "portal.outgoing is the one client",
    "urllib.request": "portal.outgoing is the one client",
    "urllib3": "portal.outgoing is the one client",
    "http.client": "portal.outgoing is the one client",
    "aiohttp": "portal.outgoing is the one client",
    "telnetlib": "portal.outgoing is the one client",
    "ftplib": "portal.outgoing is the one client",
    "xml.etree": "lxml reads XML, and document types are refused before",
    "SpiffWorkflow.serializer": "the old serializer is pickle",
    "pdb": "it stops the server",
}
LOWEST_SAFE = {
    "argon2-cffi": "23.1",
    "authlib": "1.9.9",
    "cryptography": "46",
    "flask": "3.1.3",
    "flask-security": "5.9.2",
    "flask-wtf": "1.2.2",
    "httpx": "0.28",
    "jinja2": "3.1.6",
    "joserfc": "1.4",
    "lxml": "5",
    "openpyxl": "3.1.5",
    "sqlalchemy": "2.1",
    "waitress": "3.0.2",
    "webauthn": "2.7",
    "werkzeug": "3.1.9",
    "xlsxwriter": "3.2",
}
"""Below these a fault is known that could be used against us. Raised when another becomes known."""


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def test_nothing_is_called_that_makes_code_of_text() -> None:
    for path, node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, f"{path}:{node.lineno}: {FORBIDDEN_CALLS.get(node.func.id)}"
        if isinstance(node, ast.keyword) and node.arg == "shell":
            assert isinstance(node.value, ast.Constant), path
            assert not node.value.value, f"{path}: a shell reads what somebody typed"


def test_nothing_is_imported_that_opens_a_way_round() -> None:
    for path, node in nodes():
        names = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{each.name}" for each in node.names]
        for name in names:
            found = [why for module, why in FORBIDDEN_MODULES.items() if f"{name}.".startswith(f"{module}.")]
            assert not found, f"{path}: {name}: {found}"


def test_only_one_module_calls_others_over_http() -> None:
    users = {path.name for path in SOURCE if re.search(r"^(import|from) httpx", path.read_text("utf-8"), re.MULTILINE)}
    assert users == {"outgoing.py"}


def test_templates_trust_no_text() -> None:
    """Nothing is marked as safe HTML, every attribute is quoted, and no link is made of a bare value."""
    for path in resources.TEMPLATES.rglob("*.html"):
        words = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|\{%\s*autoescape", words), path
        assert not re.search(r"\s(?!hx-)[a-z-]+=\{\{", words), f"{path}: an attribute without quotes"


def test_every_template_of_a_page_is_of_a_kind_that_is_escaped() -> None:
    odd = {path.suffix for path in resources.TEMPLATES.rglob("*") if path.is_file()}
    assert odd <= {".html", ".txt", ".typ"}
    pages = [each for path, node in nodes() for each in _rendered(path, node)]
    assert len(pages) > 50
    assert [each for each in pages if not each.endswith(".html")] == []


def _rendered(path: Path, node: ast.AST) -> list[str]:
    is_page = isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"render_template", "render_block"}
    if not is_page or "web" not in path.parts:
        return []
    assert isinstance(node, ast.Call)
    first = node.args[0]
    return [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []


@pytest.mark.parametrize("package", sorted(LOWEST_SAFE))
def test_no_part_is_older_than_is_safe(package: str) -> None:
    assert Version(version(package)) >= Version(LOWEST_SAFE[package])


def test_whoever_installs_without_the_lock_gets_nothing_older_than_is_safe() -> None:
    asked = re.findall(
        r"^([a-z0-9-]+)(?:\[\w+\])?[>=]=([\d.]+)", (ROOT / "requirements.in").read_text("utf-8"), re.MULTILINE
    )
    floors = {name: Version(lowest) for name, lowest in asked}
    assert {name for name, lowest in LOWEST_SAFE.items() if floors.get(name, Version("0")) < Version(lowest)} == set()


def test_every_locked_part_has_its_hash() -> None:
    for name in ("requirements.lock", "requirements-build.lock", "requirements-dev.lock"):
        words = (ROOT / name).read_text(encoding="utf-8")
        parts = re.findall(r"^([a-z0-9._-]+(?:\[[^\]]*\])?)==(\S+)(.*?)(?=^\S|\Z)", words, re.MULTILINE | re.DOTALL)
        assert len(parts) > 5, name
        assert [each[0] for each in parts if "--hash=sha256:" not in each[2]] == [], name


def test_every_part_of_the_front_end_has_its_hash() -> None:
    import json

    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    parts = {name: part for name, part in lock["packages"].items() if name and not part.get("link")}
    assert len(parts) > 5
    assert [name for name, part in parts.items() if "integrity" not in part and not part.get("inBundle")] == []


@pytest.mark.parametrize("suffix", [".bpmn", ".dmn"])
def test_a_diagram_or_table_with_a_document_type_is_refused(suffix: str, tmp_path: Path) -> None:
    for file in resources.WORKFLOWS.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    target = next(each for each in sorted(tmp_path.iterdir()) if each.suffix == suffix)
    words = target.read_text(encoding="utf-8")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    head, _, rest = words.partition("?>")
    target.write_text(f"{head}?>{bomb}{rest}", encoding="utf-8")
    with pytest.raises(BadDefinition) as refused:
        load_definitions(tmp_path)
    assert refused.value.file == target.name


def test_bandit_is_told_its_rules_here_and_nowhere_else() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["bandit"]
    assert set(settings) == {"skips", "exclude_dirs"}
    assert "B608" not in settings["skips"]
    assert "bandit" in (ROOT / "Makefile").read_text(encoding="utf-8")
