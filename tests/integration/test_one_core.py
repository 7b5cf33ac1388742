"""One validation core: whatever is entered, the form and the workbook come to the same verdicts, words and values.

Whole months of generated lines are filed twice, into two reports alike: typed into the form of each section, and
written into the template that is uploaded, read by its job and put into the draft.
"""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import pytest
from flask import Flask, current_app
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from portal import calendars, clock, kinds, quantities
from portal.extensions import db, transaction
from portal.kinds.base import Field, FieldType, Kind
from portal.model import ImportedFile, Report
from portal.operations.contracts import contracts
from portal.operations.entry import imports
from portal.operations.reports import reports
from portal.operations.running import machines
from portal.operations.running.machines import MachineFacts
from portal.sheets.layout import HEADER_ROW
from portal.sheets.wording import FAULTS
from tests.doors import columns_of, saved, sit_down, template_book
from tests.world import IN_MARCH, World, build_world

ROWS = 67
"""Lines of each kind in one example: two hundred in three, of which the first is the simplest that there is."""


class Entry(NamedTuple):
    """A value as it is typed into a form, and what stands in the cell."""

    typed: str
    cell: str | Decimal | date | None


Places: TypeAlias = Mapping[tuple[str, str], int]
"""Kind and key of a line -> the row that it was generated for."""
Lines: TypeAlias = dict[str, list[dict[str, Entry]]]
"""Kind -> lines: column -> entry."""


def as_text(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[Entry]:
    return strategy.map(lambda text: Entry(text, text))


ODD = [
    Entry(text, text)
    for text in (
        *("", " ", "0", "12,5", "12.5", "1 234,50", "1\u00a0234,50", "1\u202f234", "1.234,5", "1,234", "1.234.567"),
        *("NaN", "inf", "-", "n/a", "1e5", "-3", "- 3", "\u22123", "１２，５", "1\u200b2", "\u202e12", "½", "10²"),  # noqa: RUF001
        *("=1+1", "=cmd|' /C calc'!A0", "@SUM(1)|x", "+47 12", "#REF!", "#I/T", "TRUE", "50 %", "0,1234567"),
        *("31.02.2026", "1/2/26", "2026-13-01", "14.3.26", "14032026", "2026-03-14", "i går", "9" * 40, "x" * 300),
        *("av\u202eabc", "a\nb", "  mellomrom  ", "Ærlig talt", "<b>&amp;</b>", "'sitat", "ﬁ", "👷"),
    )
]
NUMBERS = st.one_of(
    st.decimals(-5, 2_000_000, places=2),
    st.decimals(0, 800, places=6),
    st.decimals(0, 10, places=8),
    st.integers(0, 999).map(Decimal),
).map(lambda number: Entry(quantities.for_input(number, "nb"), number))
SPELT_NUMBERS = st.decimals(0, 800, places=3).flatmap(
    lambda number: as_text(
        st.sampled_from(
            [
                quantities.for_input(number, "nb"),
                quantities.for_input(number, "en"),
                quantities.shown(number, "nb"),
                str(number),
                f" {number} ",
            ]
        )
    )
)
DAYS = st.dates(date(2026, 2, 20), date(2026, 6, 10))
DATES = st.one_of(
    DAYS.map(lambda day: Entry(f"{day:%d.%m.%Y}", day)),
    DAYS.flatmap(
        lambda day: as_text(st.sampled_from([f"{day:%d.%m.%Y}", f"{day.day}.{day.month}.{day:%y}", str(day)]))
    ),
)
WRITABLE = st.characters(exclude_categories=["Cc", "Cn", "Cs"])
"""What a cell can hold; what it cannot is a case of its own among the bad inputs."""
TEXTS = st.one_of(
    as_text(st.text(WRITABLE, max_size=20)), st.integers(0, 99999).map(lambda n: Entry(str(n), Decimal(n)))
)


def spelt_right(column: Field) -> st.SearchStrategy[Entry]:
    """What a column takes, however it is spelt."""
    match column.type:
        case FieldType.NUMBER:
            return st.one_of(NUMBERS, SPELT_NUMBERS)
        case FieldType.DATE:
            return DATES
        case FieldType.TEXT:
            return TEXTS
        case FieldType.CHOICE:
            spellings = [
                spelt
                for choice in column.choices
                for label in (choice.label.nb, choice.label.en, choice.key)
                for spelt in (label, label.upper(), f" {label.replace(' ', '  ')} ")
            ]
            return as_text(st.sampled_from(spellings))


def lines_of(data: st.DataObject, kind: Kind) -> list[dict[str, Entry]]:
    """Lines mixed from a few entries for each column; one in ten is odd."""
    dice = random.Random(data.draw(st.integers(0, 2**32)))
    right = {each.key: data.draw(st.lists(spelt_right(each), min_size=6, max_size=6)) for each in kind.columns}
    return [
        {key: dice.choice(ODD if dice.random() < 0.1 else entries) for key, entries in right.items()}
        for _line in range(ROWS)
    ]


class Verdict(NamedTuple):
    """One thing said about one value. Numbers in English messages are compared whatever their decimal sign is."""

    kind: str
    line: int
    field: str
    rule: str
    severity: str
    nb: str
    en: str


class Filed(NamedTuple):
    """A draft as it stands: every value as stored, and all that is said."""

    values: dict[tuple[str, int, str], Mapping[str, str]]
    said: set[Verdict]


@pytest.fixture
def world(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[World]:
    """A contract that asks for every kind that ships."""
    app = make_app(sqlite_url)
    with app.app_context():
        with transaction():
            found = build_world()
            found.contract.kinds = list(kinds.kinds())
            for name in ("LB-1", "LB-2"):
                lorry = machines.register(MachineFacts(name, "lorry", "diesel", "euro_6"), by=found.anna)
                machines.deploy(lorry, found.contract, found.contract.starts_on, None, by=found.anna)
            found.report = contracts.open_period(found.contract, calendars.month_after(found.report.period.starts_on))
        yield found


@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_form_and_workbook_come_to_the_same(world: World, data: st.DataObject) -> None:
    clock.move_to(IN_MARCH)
    report = world.report
    generated: Lines = {kind.key: lines_of(data, kind) for kind in contracts.kinds_of(report)}
    anna = sit_down(current_app, world.anna)

    empty(report)
    for key, lines in generated.items():
        anna.fill_in(
            report, key, [(number(at), {c: e.typed for c, e in line.items()}) for at, line in enumerate(lines)]
        )
    form = filed(report)
    empty(report)
    row = anna.upload(report, written(report, generated))
    told = said_of(row, report)
    with transaction():
        imports.store(row, by=world.anna, is_confirmed=True, with_faults=True)
    workbook = filed(report, places(row))

    assert form.said == workbook.said
    assert form.values == workbook.values
    assert told == form.said
    assert imports.left_out(row) == []
    assert len(form.values) > len(form.said) > ROWS / 2


def number(line: int) -> uuid.UUID:
    """The key of a line, by which it is known on every way."""
    return uuid.UUID(int=line + 1, version=4)


def place(key: str) -> int:
    return uuid.UUID(key).int - number(0).int


def empty(report: Report) -> None:
    """As if nobody had begun."""
    with transaction() as session:
        for section in session.get_one(Report, report.id).sections:
            section.lines, section.answer = [], None


def places(row: ImportedFile) -> Places:
    """Which line of the draft each row of the workbook became.

    One whose numbers are all wrong says no more than the line that is there for its machine, and is taken for that.
    """
    return {
        (kind, each["key"]): each["row"] - HEADER_ROW - 1 for kind, rows in row.result["rows"].items() for each in rows
    }


def filed(report: Report, known: Places = MappingProxyType({})) -> Filed:
    """What stands in the draft, of the lines that were generated; `known`: where those are that have other keys."""

    def place_of(kind: str, line: object) -> int:
        return known.get((kind, str(line)), place(str(line)))

    db.session.rollback()
    summary = reports.summary(db.session.get_one(Report, report.id))
    values: dict[tuple[str, int, str], Mapping[str, str]] = {}
    said: set[Verdict] = set()
    for state in summary.sections:
        key = state.kind.key
        for line in state.section.lines:
            found = state.kind.read(line.raw).values
            values |= {(key, place_of(key, line.key), column): value for column, value in found.items()}
        for problem in (*state.problems, *summary.assessment.problems[key]):
            if problem.line:
                en = problem.text.en.replace(",", ".")
                at = place_of(key, problem.line)
                said.add(Verdict(key, at, problem.field, problem.rule, problem.severity, problem.text.nb, en))
    return Filed(
        {each: value for each, value in values.items() if 0 <= each[1] < ROWS},
        {each for each in said if 0 <= each.line < ROWS},
    )


def said_of(row: ImportedFile, report: Report) -> set[Verdict]:
    """What the page of the uploaded workbook lists."""
    by_title = {kind.title.nb: kind for kind in contracts.kinds_of(report)}
    return {
        Verdict(
            kind.key,
            problem["row"] - HEADER_ROW - 1,
            next((column.key for column in kind.columns if column.label.dump() == problem["column"]), ""),
            problem["rule"],
            problem["severity"],
            problem["text"]["nb"],
            problem["text"]["en"].replace(",", "."),
        )
        for problem in row.result["problems"]
        if problem["rule"] not in FAULTS
        for kind in (by_title[problem["sheet"]],)
    }


def written(report: Report, generated: Lines) -> bytes:
    """The report's template, filled in by another program."""
    book = template_book(report)
    for kind in contracts.kinds_of(report):
        sheet = book[kind.title.nb]
        columns = columns_of(sheet)
        for at, line in enumerate(generated[kind.key]):
            row = HEADER_ROW + 1 + at
            sheet.cell(row, 1, str(number(at)))
            for column, entry in line.items():
                put(sheet.cell(row, columns[column]), entry.cell)
    return saved(book)


def put(cell: Any, value: str | Decimal | date | None) -> None:
    """A text stays one, whatever it looks like."""
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
