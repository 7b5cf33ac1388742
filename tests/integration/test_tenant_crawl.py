"""Nothing of another tenant is seen, told or touched: its ids in every address, query and form, from all roles.

An id of another tenant must be answered like one that nobody has, byte by byte. In each run every route gets the id of
the row it asks for and a few others; the soak tries an id of every table.
"""

import io
import itertools
import re
import statistics
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import UniqueConstraint
from werkzeug.test import TestResponse

from portal.extensions import Base
from portal.model import policies
from tests import crawling
from tests.crawling import ONES_OWN, Form, difference, forms, pages, send, told_apart
from tests.integration.test_routes import Line, table
from tests.shown import all_there_is, shown_to
from tests.standing import Rows
from tests.tenants import ALONE, NUMBERS, SECOND, SECRET, Tenants
from tests.world import Names

READERS = ("supplier", "buyer")
MISSING = str(uuid.UUID(int=0x4D155, version=4))
NOBODYS_NUMBER = "310000132"
PLACE = re.compile(r"{(\w+)}")
OWN_TO_EACH = {"Content-Length", "Date", "Set-Cookie", "X-Request-Id"}
"""Headers that differ between two answers to the same question."""
INSTALLATION_WIDE = {
    ("organisation", "number"): "the national register gives it once",
    ("person", "email"): "whom one signs in as",
    ("person", "fs_uniquifier"): "random",
    ("web_session", "id_hash"): "random",
    ("identity", "issuer"): "whom a provider says that somebody is",
    ("audit_event", "chain"): "a contract's or an organisation's own",
}
"""What is unique over all tenants, and why nobody learns of another by it. Public ids apart, which are random."""


def other_ids(tenants: Tenants, name: str) -> list[str]:
    """Of the second tenant: the row of this name, and some of other tables, never the same ones."""
    every = [ids[0] for ids in tenants.second.ids.values() if ids]
    start = sum(map(ord, name)) % len(every)
    return [tenants.second.things[name], *(every[(start + step * 7) % len(every)] for step in range(2))]


def every_id(tenants: Tenants, name: str) -> list[str]:
    """Of the second tenant: the row of this name, and all of every table."""
    return [tenants.second.things[name], *itertools.chain.from_iterable(tenants.second.ids.values())]


def told(answer: TestResponse, asked: str) -> str:
    """Everything an answer says, but for the id that was asked for."""
    assert not secrets_in(answer, asked), secrets_in(answer, asked)
    headers = [f"{name}: {told_apart(value, asked)}" for name, value in answer.headers if name not in OWN_TO_EACH]
    return "\n".join([str(answer.status_code), *headers, crawling.bare(answer, asked)])


def secrets_in(answer: TestResponse, asked: str = "") -> list[str]:
    """What of the second tenant is in an answer, and in the parts of a workbook, but for what was asked for."""
    content = answer.data
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            content = b"".join(book.read(name) for name in book.namelist())
    text = content.decode("utf-8", "replace")
    return [each for each in (SECRET, *NUMBERS) if each in text and each != asked]


# -- addresses --------------------------------------------------------------------------------------------------------


def places() -> Iterator[tuple[Line, str]]:
    """Every place for an id in the addresses of the table."""
    for line in table():
        for name in PLACE.findall(line.address):
            if name != "membership":
                yield line, name


def address(tenants: Tenants, line: Line, name: str, asked: str) -> str:
    return line.address.format(**{**tenants.first.things, name: asked})


def ask_addresses(tenants: Tenants, ids_for: Callable[[Tenants, str], list[str]]) -> int:
    before, count = tenants.rows(), 0
    for (line, name), who in itertools.product(places(), READERS):
        with tenants.unchanged():
            expected = told(tenants.ask(who, line.method, address(tenants, line, name, MISSING)), MISSING)
        for foreign in ids_for(tenants, name):
            answer = tenants.ask(who, line.method, address(tenants, line, name, foreign))
            assert difference(told(answer, foreign), expected) is None, (line, name, foreign, who)
            count += 1
        if line.address.count("{") == 1:
            refused = "401" if line.address.startswith("/api/") else "404"  # programs show a token, and no session
            assert expected.startswith(refused), (line, who)
    assert tenants.rows() == before
    return count


def test_an_address_with_anothers_id_answers_as_if_there_were_none(tenants: Tenants) -> None:
    assert ask_addresses(tenants, other_ids) > 500


@pytest.mark.postgres
def test_so_it_does_on_postgresql(postgres_tenants: Tenants) -> None:
    """By the id of the row itself; what the policies add must neither fail nor tell. The soak asks all else there."""
    assert ask_addresses(postgres_tenants, lambda tenants, name: [tenants.second.things[name]]) > 200


@pytest.mark.postgres
def test_no_table_shows_a_row_of_one_life_to_anybody_of_the_other(postgres_tenants: Tenants) -> None:
    """The policies alone, whatever page asks: with rows of each life under every rule."""
    with postgres_tenants.app.app_context():
        ours, theirs, everything = shown_to(Names()), shown_to(SECOND), all_there_is()
    for name, rows in everything.items():
        assert not ours[name] & theirs[name], name
        assert ours[name] | theirs[name] <= rows, name
    rules = policies.rules()
    played = {name for name in everything if ours[name] and theirs[name]}
    of_its_own = [name for name in everything if rules[name] not in {rules[each] for each in played}]
    assert not of_its_own, "play it in tests/tenants.py: no table that is played has the same rule"
    assert len(played) > 35, played


@pytest.mark.soak
def test_an_address_with_any_id_of_another_answers_as_if_there_were_none(tenants: Tenants) -> None:
    assert ask_addresses(tenants, every_id) > 10_000


# -- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", READERS)
def test_no_page_file_or_export_has_a_byte_of_another(tenants: Tenants, who: str) -> None:
    theirs = set(itertools.chain.from_iterable(tenants.second.ids.values()))
    found = pages(tenants, who)
    assert len(found) > 50
    for at, answer in found.items():
        assert not secrets_in(answer), at
        assert not theirs & set(crawling.UUID.findall(crawling.text(answer))), at


@pytest.mark.parametrize("who", READERS)
def test_that_there_is_another_tenant_changes_no_byte_of_a_page(tenants: Tenants, who: str) -> None:
    """No count, no order, no number that jumps: a portal of one's own looks the same."""
    shared, compared = pages(tenants, who), 0
    tenants.put_back(ALONE)
    for at, answer in shared.items():
        own = tenants.ask(who, "GET", at)
        is_alike = own.mimetype in {"text/html", "text/csv"} and not at.startswith(ONES_OWN)
        if is_alike:  # other files bear the moment they were made
            assert difference(crawling.bare(own), crawling.bare(answer)) is None, at
            compared += 1
    assert compared > 30


# -- queries and forms ------------------------------------------------------------------------------------------------


def queries(tenants: Tenants, who: str) -> Iterator[tuple[str, str]]:
    """Every page that reads something from its query, as far as links and forms show, and what."""
    known = set[tuple[str, str]]()
    found = pages(tenants, who)
    shown = [(at.partition("?")[0], name) for at in found for name in re.findall(r"[?&](\w+)=", at)]
    asked = [
        (form.action.partition("?")[0], name) for form in forms(found) if form.method == "GET" for name in form.names
    ]
    for at, name in [*shown, *asked]:
        kind = (crawling.endpoint(tenants, "GET", at), name)
        if kind not in known and name != "next":
            known.add(kind)
            yield at, name
    for at in found:
        if at.count("/") == 1 and "?" not in at and (crawling.endpoint(tenants, "GET", at), "after") not in known:
            yield at, "after"


def ask_queries(tenants: Tenants, who: str, kinds: Sequence[str]) -> int:
    count, theirs = 0, [tenants.second.things[kind] for kind in kinds]
    for at, name in queries(tenants, who):
        for missing, ids in (
            (MISSING, [*theirs, tenants.second.ids["organisation"][1]]),
            (NOBODYS_NUMBER, NUMBERS[1:2]),
        ):
            prefix = "machinery/" if name in {"about", "line"} else ""
            expected = told(tenants.ask(who, "GET", f"{at}?{name}={prefix}{missing}"), missing)
            for foreign in ids:
                answer = told(tenants.ask(who, "GET", f"{at}?{name}={prefix}{foreign}"), foreign)
                assert difference(answer, expected) is None, (at, name, foreign)
                count += 1
    return count


@pytest.mark.parametrize("who", READERS)
def test_a_query_with_anothers_id_finds_what_one_of_nobody_finds(tenants: Tenants, who: str) -> None:
    assert ask_queries(tenants, who, ("contract",)) > 50


@pytest.mark.soak
@pytest.mark.parametrize("who", READERS)
def test_a_query_with_any_id_of_another_finds_what_one_of_nobody_finds(tenants: Tenants, who: str) -> None:
    kinds = ("contract", "report", "line", "machine", "sanction", "deviation", "comment", "outgoing_mail")
    assert ask_queries(tenants, who, kinds) > 200


@pytest.mark.parametrize("who", READERS)
def test_a_form_with_anothers_id_does_what_one_with_nobodys_does(tenants: Tenants, who: str) -> None:
    count, before = 0, tenants.rows()
    for form in forms(pages(tenants, who)):
        for name, value in form.values if form.method == "POST" else ():
            if own := crawling.UUID.search(value):
                changed = form.having(**{name: value.replace(own[0], MISSING)})
                expected = _done(tenants, who, changed, MISSING, before)
                for foreign in _like(tenants, own[0]):
                    changed = form.having(**{name: value.replace(own[0], foreign)})
                    found = _done(tenants, who, changed, foreign, before)
                    assert difference(found, expected) is None, (form, name, foreign)
                    count += 1
    assert count > 4


def _done(tenants: Tenants, who: str, form: Form, asked: str, before: Rows) -> str:
    """What a form is answered, and what is written by it."""
    with tenants.unchanged():
        answer = told(send(tenants, who, form), asked)
        return f"{answer}\n{told_apart(tenants.written(before), asked, asked.replace('-', ''))}"


def _like(tenants: Tenants, own: str) -> list[str]:
    """What the second tenant has of the same table, or of some others where an id is of no table."""
    same = [table for table, ids in tenants.first.ids.items() if own in ids]
    machines = tenants.second.ids["machine"]
    return [tenants.second.ids[name][0] for name in same if tenants.second.ids[name]] or machines


# -- what else could tell ---------------------------------------------------------------------------------------------


def test_what_is_unique_is_so_among_ones_own() -> None:
    for found in Base.metadata.tables.values():
        constraints = [each.columns for each in found.constraints if isinstance(each, UniqueConstraint)]
        for unique in [*constraints, *(index.columns for index in found.indexes if index.unique)]:
            columns = tuple(column.name for column in unique)
            is_ones_own = columns == ("public_id",) or any(name.endswith("_id") for name in columns)
            assert is_ones_own or (found.name, columns[0]) in INSTALLATION_WIDE, (found.name, columns)


@pytest.mark.soak
@pytest.mark.parametrize(
    "path", ["/reports/{report}", "/cases/{deviation}", "/contracts/{contract}", "/mail/{outgoing_mail}"]
)
def test_anothers_id_takes_as_long_as_one_of_nobody(
    tenants: Tenants, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Medians of 200 requests in turn. Missing against missing says how much the machine itself differs."""
    [name] = PLACE.findall(path)
    foreign = tenants.second.things[name]
    kinds = {"missing": MISSING, "missing too": str(uuid.UUID(int=0x5D155, version=4)), "foreign": foreign}
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _each in range(200):
        for kind, asked in kinds.items():
            begun = time.perf_counter()
            assert tenants.ask("buyer", "GET", path.format(**{name: asked})).status_code == 404
            taken[kind].append(time.perf_counter() - begun)
    medians = {kind: statistics.median(each) for kind, each in taken.items()}
    spread = statistics.quantiles(taken["missing"], n=4)
    with capsys.disabled():
        shown = ", ".join(f"{kind} {each * 1000:.3f} ms" for kind, each in medians.items())
        sys.stdout.write(f"{path} on {tenants.standing.make}: {shown}\n")
    noise = max(abs(medians["missing"] - medians["missing too"]), (spread[2] - spread[0]) / 4)
    assert abs(medians["foreign"] - medians["missing"]) <= noise, medians
