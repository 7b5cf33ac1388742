"""Bad values and their outcome, through the doors: the form that is sent, and the workbook that is uploaded and read.

Each case bears the number of its row in the list of bad inputs (`security.md`, part 5). Whole files, and what does
not go together, are in test_bad_files.py. In neither:

- 44 and 45, CSV in several encodings: CSV is no way in yet.
- 47, a slow upload: a connection that sends nothing is closed by the server in front (waitress' `channel_timeout`), not
  by the portal; the queue is the job queue, one job for each file. What is too large or has too many parts is tested.
- 7, 24 hours a person and day: no kind reports by person and day. The most hours of a month are here.
- 36, free text that turns itself around: it is refused with words instead of being shown with a mark, because exports,
  letters and other programs would show it without one.
- 50, the receipt that shows both clocks: the client's clock is never asked for, so only the server's is shown.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from portal import clock
from portal.extensions import db, transaction
from portal.kinds.base import Field, FieldType
from portal.model import ImportState, Report
from portal.operations.entry import drafts, imports
from portal.sheets.names import letters
from tests import bad_workbooks as bad
from tests.refusals import FUEL, Office, _in_march, another_month, office
from tests.world import IN_MARCH, MARCH

__all__ = ["_in_march", "office"]
MARKED = "sustainability"


# -- single values, by both doors --------------------------------------------------------------------------------------

VALUES: list[tuple[int, str, str | None, str | None, str]] = [
    # number in the list, column, as typed in the form, as a cell, what must come of it: the stored value, the rule that
    # refuses it after a "!", or after a "?" the rule that asks about it and the value that is stored if it is right
    (1, "amount", "12,5", bad.text("{}", "12,5"), "12.5"),
    (2, "amount", "1\u00a0234,50", bad.text("{}", "1\u00a0234,50"), "1234.5"),
    (3, "amount", "1.234,5", bad.text("{}", "1.234,5"), "1234.5"),
    (3, "amount", "1,234", bad.text("{}", "1,234"), "!number_unclear"),
    (4, "amount", "NaN", bad.text("{}", "NaN"), "!number"),
    (4, "amount", "inf", bad.text("{}", "inf"), "!number"),
    (4, "amount", "-", bad.text("{}", "-"), "!number"),
    (4, "amount", "n/a", bad.text("{}", "n/a"), "!number"),
    (4, "amount", "", "", "!required"),
    (5, "amount", "1e400", bad.text("{}", "1e400"), "!number"),
    (5, "amount", None, bad.number("{}", "1e400"), "!not_finite"),
    (5, "amount", None, bad.number("{}", "NaN"), "!not_finite"),
    (6, "amount", "-1", bad.number("{}", "-1"), "!minimum"),
    (8, "amount", "0,30", bad.number("{}", "0.30000000000000004"), "0.3"),
    (8, "amount", "12345678901234567", bad.number("{}", "12345678901234567"), "!number_digits or !digits"),
    (8, "amount", "33,3333333", bad.number("{}", "33.3333333"), "!number_decimals"),
    (9, "delivered_on", None, bad.number("{}", "60", bad.DATE_STYLE), "!date_impossible"),
    (9, "delivered_on", None, bad.number("{}", "-1", bad.DATE_STYLE), "!time_only"),
    (9, "delivered_on", None, bad.number("{}", "3000000", bad.DATE_STYLE), "!date"),
    (9, "delivered_on", None, bad.number("{}", "0.5", bad.DATE_STYLE), "!time_only"),
    (9, "amount", None, bad.number("{}", "0.3125", bad.TIME_STYLE), "!time_only"),
    (11, "delivered_on", "31.02.2026", bad.text("{}", "31.02.2026"), "!date"),
    (11, "delivered_on", "1/2/26", bad.text("{}", "1/2/26"), "!date"),
    (11, "delivered_on", "2026-13-01", bad.text("{}", "2026-13-01"), "!date"),
    (11, "delivered_on", "1.3.26", bad.text("{}", "1.3.26"), "2026-03-01"),
    (20, "amount", "#REF!", '<c r="{}" t="e"><v>#REF!</v></c>', "!excel_error"),
    (20, "supplier", "#DIV/0!", '<c r="{}" t="e"><v>#DIV/0!</v></c>', "!excel_error"),
    (21, "amount", None, '<c r="{}"><f>1+1</f></c>', "!formula_unsaved"),
    (22, "amount", None, '<c r="{}"><f>1+1</f><v>5000</v></c>', "?formula 5000"),
    (22, "supplier", None, '<c r="{}" t="str"><f>B1</f><v>ja</v></c>', "?formula ja"),
    (23, "supplier", "=cmd|' /C calc'!A0", bad.text("{}", "=cmd|' /C calc'!A0"), "!formula_text"),
    (23, "supplier", "@SUM(1)|x", bad.text("{}", "@SUM(1)|x"), "!formula_text"),
    (
        23,
        "invoice",
        '=HYPERLINK("http://evil.example","hei")',
        bad.text("{}", '=HYPERLINK("http://evil.example","hei")'),
        "!formula_text",
    ),
    (36, "product", "\u200bDie\u200bsel", bad.text("{}", "\u200bDie\u200bsel"), "diesel"),
    (36, "product", "ＤＩＥＳＥＬ", bad.text("{}", "ＤＩＥＳＥＬ"), "diesel"),  # noqa: RUF001
    (36, "amount", "１２，５", bad.text("{}", "１２，５"), "12.5"),  # noqa: RUF001
    (36, "amount", "1\u200b2", bad.text("{}", "1\u200b2"), "12"),
    (36, "amount", "\u202e12", bad.text("{}", "\u202e12"), "!number"),
    (36, "supplier", "av\u202eabc", bad.text("{}", "av\u202eabc"), "!text_signs"),
    (37, "supplier", "a\0b", bad.text("{}", "a_x0000_b"), "!text_signs"),
    (37, "product", "Biogass,\nkomprimert", bad.text("{}", "Biogass,\nkomprimert"), "biogas"),
    (38, "supplier", "x" * 40_000, bad.text("{}", "x" * 40_000), "!text_length"),
    (48, "amount", None, '<c r="{}" t="b"><v>1</v></c>', "!type"),
    (48, "supplier", None, '<c r="{}" t="b"><v>1</v></c>', "!type"),
    (48, "amount", None, bad.number("{}", "0.5", bad.PERCENT_STYLE), "?percent 0.5"),
]


def case_name(place: int) -> str:
    number, column, typed, cell, _outcome = VALUES[place]
    return f"{number} {column} {(typed or cell or 'empty')[:30]!a}"


def plain(column: Field) -> str:
    """A value that any column takes, as typed."""
    match column.type:
        case FieldType.NUMBER:
            return str(max(column.minimum or 1, 1))
        case FieldType.CHOICE:
            return column.choices[0].label.nb
        case FieldType.DATE:
            return f"{MARCH:%d.%m.%Y}"
        case FieldType.TEXT:
            return "tekst"


def key(place: int) -> uuid.UUID:
    return uuid.UUID(int=place + 1, version=4)


def mark(place: int) -> str:
    """What a line of these cases is known by, wherever it ends up."""
    return f"case {place}"


@dataclass
class Outcome:
    """What came of one line: what is stored, and what is said about it by column."""

    values: Mapping[str, Mapping[str, str]]
    said: Mapping[str, list[tuple[str, str]]]
    """Column -> rule and severity."""


@pytest.fixture(scope="module")
def by_form(office: Office) -> Mapping[int, Outcome]:
    """Every value typed into a form, a line each."""
    with clock.at(IN_MARCH):
        report = another_month(office)
        lines = [
            (key(place), {each.key: plain(each) for each in office.kind.columns} | {MARKED: mark(place), column: typed})
            for place, (_number, column, typed, _cell, _outcome) in enumerate(VALUES)
            if typed is not None
        ]
        answer = office.anna.fill_in(report, FUEL, lines)
        assert answer.status_code == 422, answer.text
        section = db.session.get_one(Report, report.id).section(FUEL)
        state = drafts.state_of(section.report, section)
        return {
            line.key.int - key(0).int: Outcome(
                office.kind.read(line.raw).values,
                said((each.field, each.rule, each.severity) for each in state.problems if each.line == str(line.key)),
            )
            for line in section.lines
        }


@pytest.fixture(scope="module")
def by_workbook(office: Office) -> Mapping[int, Outcome]:
    """Every value in one workbook, a row each; then all of it put into the draft, wrong rows too."""
    with clock.at(IN_MARCH):
        report = another_month(office)
        columns = office.kind.columns
        names = {column.key: letters(place) for place, column in enumerate(columns, start=1)}
        rows = [bad.row(1, *(bad.text(f"{names[column.key]}1", column.label.nb) for column in columns))]
        for place, (_number, wrong, _typed, cell, _outcome) in enumerate(VALUES):
            cells = {each.key: bad.text("{}", plain(each)) for each in columns}
            cells |= {MARKED: bad.text("{}", mark(place)), wrong: cell or ""}
            filled_in = (cells[each.key].replace("{}", f"{names[each.key]}{place + 2}", 1) for each in columns)
            rows.append(bad.row(place + 2, *filled_in))
        row = office.anna.upload(report, bad.zipped(bad.parts(bad.sheet(*rows), names=(office.kind.title.nb,))))
        assert row.state == ImportState.FAULTY
        found = list(row.result["problems"])
        with transaction():
            imports.store(row, by=office.world.anna, is_confirmed=True, with_faults=True)
        lines = {line.raw[MARKED]: line.raw for line in db.session.get_one(Report, report.id).section(FUEL).lines}
        keys = {column.label.nb: column.key for column in columns}
        return {
            place: Outcome(
                office.kind.read(lines[mark(place)]).values,
                said(
                    (keys[each["column"]["nb"]], each["rule"], each["severity"])
                    for each in found
                    if each["row"] == place + 2 and each["cell"] == f"{names[keys[each['column']['nb']]]}{place + 2}"
                ),
            )
            for place in range(len(VALUES))
        }


def said(problems: Iterator[tuple[str, str, str]]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for column, rule, severity in problems:
        if "." not in rule:  # rules over all lines together have tests of their own
            found.setdefault(column, []).append((rule, severity))
    return found


def came_to(outcome: Outcome, column: str, expected: str) -> None:
    verdict, _, value = expected.lstrip("!?").partition(" ")
    if expected.startswith("!"):
        assert outcome.said == {column: [(verdict, "error")]}
        assert column not in outcome.values
    elif expected.startswith("?"):
        assert outcome.said == {column: [(verdict, "warning")]}
        assert outcome.values[column]["value"] == value
    else:
        assert outcome.said == {}
        assert outcome.values[column]["value"] == expected


@pytest.mark.parametrize("place", [each for each, case in enumerate(VALUES) if case[2] is not None], ids=case_name)
def test_a_value_in_the_form(by_form: Mapping[int, Outcome], place: int) -> None:
    _number, column, _typed, _cell, expected = VALUES[place]
    came_to(by_form[place], column, expected.partition(" or ")[0])


@pytest.mark.parametrize("place", range(len(VALUES)), ids=case_name)
def test_a_value_in_a_workbook(by_workbook: Mapping[int, Outcome], place: int) -> None:
    _number, column, _typed, _cell, expected = VALUES[place]
    verdict = expected.rpartition(" or ")[2]
    outcome = by_workbook[place]
    if verdict.startswith("!"):  # the cell was refused; what could be typed of it waits in the draft for its correction
        assert outcome.said == {column: [(verdict[1:], "error")]}
        assert column not in outcome.values
    else:
        came_to(outcome, column, verdict)
