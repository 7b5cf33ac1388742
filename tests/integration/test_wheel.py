"""The wheel is all that a real installation needs: built from this tree, installed clean, and put to use from there."""

import json
import os
import re
import signal
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from portal import resources
from tests.http import PASSWORD, HttpBrowser

PATIENCE = 120
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
COLLECTED = ".pot"
"""What translators begin from: made by `make messages`, of no use to who runs the portal."""
FOLDERS = {
    resources.PACKAGE: "portal",
    resources.WORKFLOWS: "portal/_resources/workflows",
    resources.TEMPLATES: "portal/_resources/templates",
    resources.MIGRATIONS: "portal/_resources/migrations",
}
"""Folder of the tree -> where it lies in the wheel."""
ADA = ("ada@lillevik.example", "Ada Admin", "313000028")
BUYER = ("--organisation-name", "Lillevik kommune", "--kind", "buyer", "--role", "administrator")
WHERE = """
import json, sys
from importlib.util import find_spec
import portal
from portal import resources
print(json.dumps({
    "portal": portal.__file__,
    "resources": [str(resources.ROOT), str(resources.STATIC), str(resources.TRANSLATIONS)],
    "path": sys.path,
    "strangers": [name for name in ("tests", "pytest", "hypothesis", "hatchling", "pip") if find_spec(name)],
}))
"""
EXCEL = """
import io
import xlsxwriter
from portal.sheets.reader import read_workbook
content = io.BytesIO()
with xlsxwriter.Workbook(content) as book:
    book.add_worksheet("Drivstoff").write(0, 0, "liter")
print([(sheet.name, sheet.rows) for sheet in read_workbook(content.getvalue()).tables])
"""


@dataclass(frozen=True)
class Clean:
    """A venv that holds the wheel and what it asks for, and an installation that uses it."""

    folder: Path

    @property
    def site(self) -> Path:
        """Where its packages lie."""
        [site] = (self.folder / "venv" / "lib").glob("python*/site-packages")
        return site

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of what the tests run with: above all no PYTHONPATH."""
        return {
            "HOME": str(self.folder),
            "KLIMAKONTRAKT_INSTANCE": str(self.folder / "instance"),
            "LANG": "C.UTF-8",
            "PATH": os.defpath,
        }

    def start(self, program: str, *words: str) -> "subprocess.Popen[str]":
        """Start a program of the venv, from a folder where nothing of ours lies."""
        return subprocess.Popen(
            [self.folder / "venv" / "bin" / program, *words],
            cwd=self.folder / "elsewhere",
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, program: str, *words: str, typed: str = "") -> str:
        """What the program says when it has done its work; it must end with 0 and complain of nothing."""
        with self.start(program, *words) as process:
            said, complaint = process.communicate(typed, timeout=PATIENCE)
        assert (process.returncode, complaint) == (0, ""), said + complaint
        return said


def test_the_wheel_installed_clean_is_a_portal(tmp_path: Path) -> None:
    wheel = _built(tmp_path / "dist")
    _assert_everything_is_in(wheel)
    clean = _installed(wheel, tmp_path)
    _assert_it_stands_alone(clean)
    assert clean.run("portal", "migrate") == "The database is up to date.\n"
    assert _not_fine(clean.run("portal", "check")) == {"Address", "Mail", "People"}
    assert "('Drivstoff'" in clean.run("python", "-c", EXCEL)
    with _served(clean) as (url, said):
        assert "portal user EMAIL" in said
        _assert_pages_and_what_they_ask_for_are_there(url)
        added = clean.run("portal", "user", *ADA, *BUYER, "--password-stdin", typed=f"{PASSWORD}\n")
        assert added == "ada@lillevik.example may sign in for Lillevik kommune.\n"
        browser = HttpBrowser(int(urlsplit(url).port or 0), ADA[0])
        assert "Ada Admin" in browser.call("GET", "/")[1]
        assert _not_fine(clean.run("portal", "check")) == {"Address", "Mail"}


# -- the wheel --------------------------------------------------------------------------------------------------------


def _built(folder: Path) -> Path:
    """As `make wheel` does it."""
    command: list[str | Path] = [
        *PIP,
        "wheel",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        resources.ROOT,
    ]
    subprocess.run(command, check=True, cwd=folder.parent)
    [wheel] = folder.iterdir()
    return wheel


def _assert_everything_is_in(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for folder, place in FOLDERS.items():
        wanted = {f"{place}/{file.relative_to(folder).as_posix()}" for file in _files(folder)}
        assert len(wanted) > 1
        assert wanted <= inside
    compiled = [name for name in inside if name.endswith("/LC_MESSAGES/messages.mo")]
    assert compiled
    assert {"portal/static/vendor/theme.css", "portal/static/vendor/paper/inter.LICENSE"} <= inside
    strangers = {name.split("/")[0] for name in inside} - {"portal"}
    assert [name.endswith(".dist-info") for name in strangers] == [True]


def _files(folder: Path) -> Iterator[Path]:
    for place, _folders, names in os.walk(folder, followlinks=True):
        if Path(place).name != "__pycache__":
            yield from (Path(place, name) for name in names if not name.endswith(COLLECTED))


# -- a clean venv -----------------------------------------------------------------------------------------------------


def _installed(wheel: Path, folder: Path) -> Clean:
    (folder / "elsewhere").mkdir()
    venv.create(folder / "venv", symlinks=True)
    clean = Clean(folder)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*PIP, "--python", python, "install", "--no-index", "--no-deps", wheel], check=True, cwd=folder)
    [ours] = clean.site.glob("klimakontrakt-*.dist-info")
    for each in _asked_for(PathDistribution(ours)):
        _lend(each, clean.site)
    return clean


def _asked_for(ours: Distribution) -> list[Distribution]:
    """What a distribution asks for, and what that asks for: what an index would be asked for if there were one."""
    waiting, known = [(ours, frozenset({""}))], dict[tuple[str, frozenset[str]], Distribution]()
    while waiting:
        asking, extras = waiting.pop()
        for wanted in map(Requirement, asking.requires or ()):
            if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
                continue
            found, its_extras = distribution(wanted.name), frozenset({"", *wanted.extras})
            assert wanted.specifier.contains(found.version, prereleases=True), f"{wanted}: {found.version}"
            key = (canonicalize_name(wanted.name), its_extras)
            if key not in known:
                known[key] = found
                waiting.append((found, its_extras))
    return list(known.values())


def _lend(each: Distribution, site: Path) -> None:
    """Put what the tests' own venv has of this distribution into another, and nothing beside it."""
    for name in {file.parts[0] for file in each.files or ()} - {"..", "__pycache__"}:
        if not (site / name).exists():
            (site / name).symlink_to(str(each.locate_file(name)))


def _assert_it_stands_alone(clean: Clean) -> None:
    """The portal that runs is the installed one, and neither checkout nor tools of development are in sight."""
    found = json.loads(clean.run("python", "-c", WHERE))
    assert Path(found["portal"]) == clean.site / "portal" / "__init__.py"
    assert all(Path(each).is_relative_to(clean.site / "portal") for each in found["resources"])
    assert not any(Path(each).is_relative_to(resources.ROOT) for each in found["path"] if each)
    assert found["strangers"] == []


# -- the portal -------------------------------------------------------------------------------------------------------


@contextmanager
def _served(clean: Clean) -> Iterator[tuple[str, str]]:
    """The address of the running portal, and what it said at the start. It ends in good order when asked to."""
    process = clean.start("portal", "serve", "--port", "0")
    try:
        assert process.stdout is not None
        said = list(_up_to(process.stdout, "It asks for the password."))
        address = re.match(r"Klimakontrakt is at (http://127\.0\.0\.1:\d+)\n", said[0])
        assert address, said
        yield address[1], "".join(said)
        process.send_signal(signal.SIGTERM)
        said_last, complaint = process.communicate(timeout=PATIENCE)
        assert (process.returncode, said_last, complaint) == (0, "", "")
    finally:
        process.kill()
        process.communicate()


def _not_fine(said: str) -> set[str]:
    """What `portal check` warns of."""
    assert said.splitlines()[-1].startswith("Fit to run.")
    return set(re.findall(r"^(?:warning|fault) +([^:]+):", said, re.MULTILINE))


def _up_to(lines: Iterable[str], last: str) -> Iterator[str]:
    for line in lines:
        yield line
        if line.rstrip("\n") == last:
            return


def _assert_pages_and_what_they_ask_for_are_there(url: str) -> None:
    assert json.loads(_fetch(url, "/health/live", "application/json")) == {"status": "ok"}
    for path, expected in (("/", "Klimakrav"), ("/sign-in", "Logg inn")):
        page = _fetch(url, path, "text/html").decode()
        assert expected in page
        assert "demo" not in page.lower()
    asked_for = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    kinds = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
    assert {Path(path).suffix for path in asked_for} == set(kinds)
    for path in asked_for:
        assert len(_fetch(url, path, kinds[Path(path).suffix])) > 100, path
    _fetch(url, "/personas", "text/html", status=404)


def _fetch(url: str, path: str, kind: str, *, status: int = 200) -> bytes:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, answer.headers.get_content_type()) == (status, kind), path
        return answer.read()
    finally:
        connection.close()
