"""A filled-in template with the errors that people make, for somebody who wants to see what happens to them."""

from dataclasses import replace
from io import BytesIO

import openpyxl

from portal.kinds.fields import FieldType
from portal.model import Membership, Report
from portal.operations import tasks
from portal.operations.contracts import contracts
from portal.operations.entry import drafts, imports
from portal.sheets.layout import HEADER_ROW, TemplateLine, heading
from portal.sheets.template import TemplateSpec, write_template

SPOILT = ("mange timer", "-40", "1,2,3", "99999999")
"""What stands in a column of numbers, one a line: words, less than nothing, two commas, far too much."""


def report_of(by: Membership) -> Report | None:
    """The first report that waits for this person to fill it in, and whose machines can be uploaded."""
    rows = tasks.mine(by, "fill_in")
    return next((row.report for row in rows if row.report.state in {"open", "draft"}), None)


def spoilt_workbook(report: Report, language: str) -> bytes:
    """The report's own template, filled in as last time, with wrong values in the first number column of a sheet."""
    book = openpyxl.load_workbook(BytesIO(write_template(_as_last_time(report, imports.described(report, language)))))
    kind = contracts.kinds_of(report)[0]
    column = next(each for each in kind.columns if each.type is FieldType.NUMBER)
    for sheet in book.worksheets:
        places = {cell.value: cell.column for cell in sheet[HEADER_ROW]}
        place = places.get(heading(column, language))
        if place is not None:
            for number, wrong in enumerate(SPOILT, start=1):
                sheet.cell(HEADER_ROW + number, place).value = wrong
            break
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _as_last_time(report: Report, spec: TemplateSpec) -> TemplateSpec:
    """The same workbook, with what the last report said wherever this one says nothing yet."""
    before = drafts.previous_lines(report)
    sheets = []
    for sheet in spec.sheets:
        said = {line.key: sheet.kind.flat(line.values) for line in before.get(sheet.key, ())}
        lines = (replace(line, values={**said.get(line.key, {}), **_told(line)}) for line in sheet.lines)
        sheets.append(replace(sheet, lines=tuple(lines)))
    return replace(spec, sheets=tuple(sheets))


def _told(line: TemplateLine) -> dict[str, str]:
    return {key: text for key, text in line.values.items() if text}
