"""The Excel template of one report: a sheet per kind, lines prefilled, drop-downs, and what cannot change locked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter

from portal.kinds.base import Field, FieldType
from portal.kinds.fields import LARGEST
from portal.sheets.export import SAFE, Properties, set_properties, write_text
from portal.sheets.guide import STEPS, write_guide
from portal.sheets.layout import (
    GUIDE,
    HEADER_ROW,
    LINE_HEADING,
    LISTS_SHEET,
    SheetSpec,
    TemplateLine,
    answer,
    heading,
    heading_before,
)
from portal.sheets.names import letters, sheet_title
from portal.sheets.origin import META_SHEET, Origin
from portal.text import Text

_ROOM_FOR_LINES = 1000
"""Rows below the prefilled ones that have drop-downs and checks; more may be filled in."""
_LONGEST_TIP = 255
_LONGEST_TIP_TITLE = 32
_INSTRUCTIONS = Text(
    "Fyll ut de hvite cellene. Grå celler er låst. Mørk overskrift: må fylles ut. Lys overskrift: valgfritt. "
    "Nye linjer skriver du nederst. Lagre som .xlsx og last opp i rapporten.",
    "Fill in the white cells. Grey cells are locked. Dark heading: must be filled in. Light heading: optional. "
    "Write new lines at the bottom. Save as .xlsx and upload it in the report.",
)
_READ_GUIDE = Text("Mer hjelp finner du i arket «{guide}».", "You find more help in the sheet “{guide}”.")
_PAGE = Text("Side &P av &N", "Page &P of &N")
_NOT_ALLOWED = Text("Ugyldig verdi", "Value not allowed")
_UNIT_FROM = Text("Enheten følger av «{field}».", "The unit follows from “{field}”.")
_TIPS = {
    FieldType.NUMBER: Text("Skriv et tall fra {least} til {most}.", "Write a number from {least} to {most}."),
    FieldType.DATE: Text("Skriv en dato som dd.mm.åååå.", "Write a date as dd.mm.yyyy."),
    FieldType.CHOICE: Text("Velg fra listen.", "Pick from the list."),
}
_ALLOWED_WHILE_LOCKED = dict.fromkeys(
    ("format_columns", "format_rows", "insert_rows", "select_locked_cells", "select_unlocked_cells"), True
)


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """What a template holds. `title`, `contract` and `period` are printed; `language` is nb or en.

    `instructions` stand over each sheet, and `steps` in the guide: as for a report, unless it is something else.
    """

    title: str
    contract: str
    period: str
    language: str
    meta: Origin
    sheets: tuple[SheetSpec, ...]
    instructions: Text = _INSTRUCTIONS
    steps: tuple[Text, ...] = STEPS


def write_template(spec: TemplateSpec) -> bytes:
    """The template as an .xlsx file. `importing.read_lines` reads it back."""
    content = BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True, **SAFE})
    set_properties(workbook, Properties(title=f"{spec.title}, {spec.contract}, {spec.period}"))
    looks = _Looks(workbook, spec.language)
    taken = {name.casefold() for name in (META_SHEET, LISTS_SHEET, *GUIDE.dump().values())}
    pages = [(sheet, workbook.add_worksheet(sheet_title(sheet.title, taken))) for sheet in spec.sheets]
    title = f"{spec.title}, {spec.contract}, {spec.period}"
    write_guide(workbook, spec.sheets, title, spec.language, spec.steps)
    lists = _write_lists(workbook, spec)
    for sheet, worksheet in pages:
        _Page(worksheet, sheet, spec, looks, lists).write()
    _write_meta(workbook, spec.meta)
    workbook.close()
    return content.getvalue()


def _write_lists(workbook: Any, spec: TemplateSpec) -> dict[tuple[str, str], str]:
    """The answers of every choice column, below each other on a hidden sheet; (sheet, column) -> name of the list."""
    worksheet = workbook.add_worksheet(LISTS_SHEET)
    worksheet.hide()
    names: dict[tuple[str, str], str] = {}
    row = 0
    for sheet in spec.sheets:
        for column in (column for column in sheet.kind.columns if column.choices):
            names[sheet.key, column.key] = name = f"list_{len(names) + 1}"
            workbook.define_name(name, f"='{LISTS_SHEET}'!$B${row + 1}:$B${row + len(column.choices)}")
            for choice in column.choices:
                write_text(worksheet, row, 0, f"{sheet.key}.{column.key}")
                write_text(worksheet, row, 1, answer(column, choice, spec.language))
                row += 1
    return names


def _write_meta(workbook: Any, origin: Origin) -> None:
    worksheet = workbook.add_worksheet(META_SHEET)
    worksheet.very_hidden()
    worksheet.protect()
    for row, (name, value) in enumerate(origin.dump().items()):
        write_text(worksheet, row, 0, name)
        write_text(worksheet, row, 1, value)


class _Looks:
    """Formats, made once per workbook."""

    def __init__(self, workbook: Any, language: str) -> None:
        heading_look = {"bold": True, "text_wrap": True, "valign": "vcenter", "border": 1, "border_color": "#B8C4D0"}
        self.title = workbook.add_format({"bold": True, "font_size": 16, "font_color": "#1E2B3C"})
        self.subtitle = workbook.add_format({"font_color": "#45556B"})
        self.required = workbook.add_format({**heading_look, "bg_color": "#1E2B3C", "font_color": "#FFFFFF"})
        self.optional = workbook.add_format({**heading_look, "bg_color": "#DCE5EE", "font_color": "#1E2B3C"})
        self.before = workbook.add_format({**heading_look, "bg_color": "#EEF1F4", "font_color": "#45556B"})
        self.last = workbook.add_format({"bg_color": "#EEF1F4", "font_color": "#45556B", "align": "right"})
        grey = {"bg_color": "#EEF1F4", "font_color": "#45556B"}
        shown = {
            FieldType.TEXT: "@",
            FieldType.CHOICE: "@",
            FieldType.NUMBER: "#,##0.0#####",
            FieldType.DATE: "yyyy-mm-dd" if language == "en" else "dd.mm.yyyy",
        }
        self.open = {kind: workbook.add_format({"locked": False, "num_format": form}) for kind, form in shown.items()}
        self.locked = {kind: workbook.add_format({**grey, "num_format": form}) for kind, form in shown.items()}


class _Page:
    """One kind's sheet: title, contract and period, instructions, header, lines; first the hidden line id."""

    def __init__(
        self, worksheet: Any, sheet: SheetSpec, spec: TemplateSpec, looks: _Looks, lists: dict[tuple[str, str], str]
    ) -> None:
        self._worksheet, self._sheet, self._spec, self._looks, self._lists = worksheet, sheet, spec, looks, lists
        self._columns, self._before = sheet.kind.columns, sheet.columns_before
        self._last_row = HEADER_ROW + len(sheet.lines) + _ROOM_FOR_LINES - 1

    def write(self) -> None:
        """Write it all."""
        self._columns_and_frame()
        self._heading()
        for number, line in enumerate(self._sheet.lines):
            self._line(HEADER_ROW + number, line)
        for number, column in enumerate(self._columns, start=1):
            if rule := self._rule(column):
                self._worksheet.data_validation(HEADER_ROW, number, self._last_row, number, rule)
        self._worksheet.ignore_errors(
            {"number_stored_as_text": f"A1:{letters(len(self._columns) + len(self._before) + 1)}{self._last_row}"}
        )
        self._worksheet.protect("", _ALLOWED_WHILE_LOCKED)

    def _columns_and_frame(self) -> None:
        worksheet, language = self._worksheet, self._spec.language
        worksheet.set_column(0, 0, 38, None, {"hidden": True})
        for number, column in enumerate(self._columns, start=1):
            worksheet.set_column(number, number, self._width(column), self._looks.open[column.type])
        for number, _column in enumerate(self._before, start=len(self._columns) + 1):
            worksheet.set_column(number, number, 22, self._looks.locked[FieldType.TEXT])
        named = next((number for number, column in enumerate(self._columns) if not column.identity), 0)
        worksheet.freeze_panes(HEADER_ROW, 1 + named)
        worksheet.hide_gridlines(0)
        worksheet.set_landscape()
        worksheet.set_paper(9)
        worksheet.fit_to_pages(1, 0)
        worksheet.repeat_rows(HEADER_ROW - 1)
        worksheet.set_footer("&L&A&R" + _PAGE.to(language))

    def _heading(self) -> None:
        worksheet, spec, looks = self._worksheet, self._spec, self._looks
        for row in range(HEADER_ROW - 1):
            worksheet.set_row(row, 24 if row == 0 else 16, looks.subtitle)
        worksheet.set_row(HEADER_ROW - 1, 36)
        write_text(worksheet, 0, 1, f"{spec.title}: {self._sheet.kind.title.to(spec.language)}", looks.title)
        write_text(worksheet, 1, 1, f"{spec.contract} · {spec.period}", looks.subtitle)
        guide = _READ_GUIDE.with_values(guide=GUIDE)
        write_text(worksheet, 2, 1, f"{spec.instructions.to(spec.language)} {guide.to(spec.language)}", looks.subtitle)
        write_text(worksheet, HEADER_ROW - 1, 0, LINE_HEADING.to(spec.language), looks.optional)
        for number, column in enumerate(self._columns, start=1):
            look = looks.required if column.required else looks.optional
            write_text(worksheet, HEADER_ROW - 1, number, heading(column, spec.language), look)
            worksheet.write_comment(HEADER_ROW - 1, number, self._remark(column), {"author": "Klimakontrakt"})
        for number, column in enumerate(self._before, start=len(self._columns) + 1):
            write_text(worksheet, HEADER_ROW - 1, number, heading_before(column, spec.language), looks.before)

    def _remark(self, column: Field) -> str:
        """The column's name for machines, then what helps a person."""
        language = self._spec.language
        remarks = [column.key]
        if column.hint:
            remarks.append(column.hint.to(language))
        if column.unit_from:
            source = self._sheet.kind.column(column.unit_from).label
            remarks.append(_UNIT_FROM.with_values(field=source).to(language))
        return "\n".join(remarks)

    def _line(self, row: int, line: TemplateLine) -> None:
        write_text(self._worksheet, row, 0, line.key, self._looks.locked[FieldType.TEXT])
        for number, column in enumerate(self._columns, start=1):
            if stored := line.values.get(column.key, ""):
                looks = self._looks.locked if column.identity else self._looks.open
                self._value((row, number), column, stored, looks[column.type])
        for number, column in enumerate(self._before, start=len(self._columns) + 1):
            if shown := line.before.get(column.key, ""):
                write_text(self._worksheet, row, number, shown, self._looks.last)

    def _value(self, place: tuple[int, int], column: Field, stored: str, look: Any) -> None:
        match column.type:
            case FieldType.NUMBER:
                self._worksheet.write_number(*place, Decimal(stored), look)
            case FieldType.DATE:
                self._worksheet.write_datetime(*place, date.fromisoformat(stored), look)
            case FieldType.CHOICE:
                choice = column.choice(stored)
                shown = answer(column, choice, self._spec.language) if choice else stored
                write_text(self._worksheet, *place, shown, look)
            case FieldType.TEXT:
                write_text(self._worksheet, *place, stored, look)

    def _width(self, column: Field) -> int:
        language = self._spec.language
        longest = max((len(word) for word in heading(column, language).split()), default=0) + 2
        contents = [len(choice.label.to(language)) for choice in column.choices]
        if column.type is FieldType.TEXT:
            contents += [len(line.values.get(column.key, "")) for line in self._sheet.lines]
        return min(max(longest, 14, *contents, 0) + 2, 44)

    def _rule(self, column: Field) -> dict[str, Any] | None:
        """The check that Excel makes while the person types; pasting passes it by, so it only helps."""
        rule = dict(self._checks(column))
        if not rule:
            return None
        least, most = rule.get("minimum", ""), rule.get("maximum", "")
        tip = _TIPS[column.type].with_values(least=least, most=most).to(self._spec.language)
        label = column.label.to(self._spec.language)
        hint = column.hint.to(self._spec.language) if column.hint else ""
        return rule | {
            "error_title": _NOT_ALLOWED.to(self._spec.language),
            "error_message": tip[:_LONGEST_TIP],
            "input_title": label[:_LONGEST_TIP_TITLE],
            "input_message": (hint or tip)[:_LONGEST_TIP],
        }

    def _checks(self, column: Field) -> Iterator[tuple[str, Any]]:
        if column.type is FieldType.CHOICE and (name := self._lists.get((self._sheet.key, column.key))):
            yield from {"validate": "list", "source": f"={name}"}.items()
        elif column.type is FieldType.NUMBER:
            least = -LARGEST if column.minimum is None else column.minimum
            most = LARGEST if column.maximum is None else column.maximum
            yield from {
                "validate": "decimal",
                "criteria": "between",
                "minimum": str(least),
                "maximum": str(most),
            }.items()
        elif column.type is FieldType.DATE:
            yield from {"validate": "date", "criteria": ">=", "value": date(1950, 1, 1)}.items()
