"""The sheet of a template that tells, in the reader's language, how to fill in the others."""

from collections.abc import Iterator, Sequence
from typing import Any

from portal import quantities
from portal.kinds.base import Field, FieldType
from portal.sheets.export import write_text
from portal.sheets.layout import GUIDE, SheetSpec
from portal.text import LANGUAGES, Text

_MOST_CHOICES = 12
STEPS = (
    Text(
        "Fyll ut de hvite cellene i hvert ark. Grå celler er låst. Maskinene på kontrakten står der allerede.",
        "Fill in the white cells of each sheet. Grey cells are locked. The machines of the contract are there already.",
    ),
    Text(
        "Skriv 0 når mengden er null. En tom celle er ikke null: da spør vi om den.",
        "Write 0 when the amount is zero. An empty cell is not zero: we ask for it.",
    ),
    Text(
        "Skriv tall, ikke formler. Desimaltegnet er komma eller punktum, for eksempel 1 840,5. Datoer er dd.mm.åååå.",
        "Write numbers, not formulas. The decimal sign is comma or point, for example 1 840.5. Dates are dd.mm.yyyy.",
    ),
    Text(
        "Nye linjer skriver du nederst. Du kan sortere, sette inn rader og flytte kolonner. Ikke endre overskriftene.",
        "Write new lines at the bottom. You may sort, insert rows and move columns. Do not change the headings.",
    ),
    Text(
        "Lagre som .xlsx, og last opp filen på rapportens side. Du ser hva som endres før noe blir lagret.",
        "Save as .xlsx, and upload the file on the page of the report. You see what changes before anything is stored.",
    ),
    Text(
        "Er noe feil, kan du laste ned din egen fil med feilene merket, rette dem og laste den opp igjen.",
        "If something is wrong, you can download your own file with the errors marked, correct it and upload it again.",
    ),
)
"""How a report is filled in."""
_HEADINGS = (
    Text("Ark", "Sheet"),
    Text("Kolonne", "Column"),
    Text("Enhet", "Unit"),
    Text("Må fylles ut", "Must be filled in"),
    Text("Hva du skriver", "What you write"),
)
_WIDTHS = (28, 28, 14, 18, 100)
_YES, _NO = Text("Ja", "Yes"), Text("Nei", "No")
_FOLLOWS = Text("følger av «{field}»", "follows from “{field}”")
_PICK = Text("Velg fra listen: {choices}.", "Pick from the list: {choices}.")
_BETWEEN = Text("Et tall fra {least} til {most}.", "A number from {least} to {most}.")
_AT_LEAST = Text("Et tall, minst {least}.", "A number, at least {least}.")
_NUMBER = Text("Et tall.", "A number.")
_DAY = Text("En dato som dd.mm.åååå.", "A date as dd.mm.yyyy.")
_TEXT = Text("Tekst, høyst {most} tegn.", "Text of at most {most} characters.")


def write_guide(
    workbook: Any, sheets: Sequence[SheetSpec], title: str, language: str, steps: Sequence[Text] = STEPS
) -> None:
    """Add the guide to the workbook: the steps, then every column of every sheet."""
    worksheet = workbook.add_worksheet(GUIDE.to(language))
    bold = workbook.add_format({"bold": True, "font_size": 16, "font_color": "#1E2B3C"})
    head = workbook.add_format({"bold": True, "bg_color": "#1E2B3C", "font_color": "#FFFFFF", "valign": "vcenter"})
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
    for number, width in enumerate(_WIDTHS):
        worksheet.set_column(number, number, width, wrapped)
    write_text(worksheet, 0, 0, f"{GUIDE.to(language)}: {title}", bold)
    plain = workbook.add_format({"valign": "top"})
    for number, step in enumerate(steps, start=1):
        write_text(worksheet, number + 1, 0, f"{number}. {step.to(language)}", plain)
    first = len(steps) + 3
    for column, heading in enumerate(_HEADINGS):
        write_text(worksheet, first, column, heading.to(language), head)
    for row, told in enumerate(_rows(sheets, language), start=first + 1):
        for column, words in enumerate(told):
            write_text(worksheet, row, column, words, wrapped)
    worksheet.hide_gridlines(2)
    worksheet.set_landscape()
    worksheet.set_paper(9)
    worksheet.fit_to_pages(1, 0)
    worksheet.protect("", {"format_columns": True, "format_rows": True})


def _rows(sheets: Sequence[SheetSpec], language: str) -> Iterator[tuple[str, ...]]:
    for sheet in sheets:
        for column in sheet.kind.columns:
            yield (
                sheet.title,
                column.label.to(language),
                _unit(sheet, column).to(language),
                (_YES if column.required else _NO).to(language),
                " ".join(words.to(language) for words in (_what(column), column.hint) if words),
            )


def _unit(sheet: SheetSpec, column: Field) -> Text:
    if column.unit_from:
        return _FOLLOWS.with_values(field=sheet.kind.column(column.unit_from).label)
    return Text(column.unit, column.unit)


def _what(column: Field) -> Text:
    match column.type:
        case FieldType.CHOICE:
            labels = [choice.label for choice in column.choices[:_MOST_CHOICES]]
            more = " …" if len(column.choices) > _MOST_CHOICES else ""
            named = Text(*(", ".join(label.to(language) for label in labels) + more for language in LANGUAGES))
            return _PICK.with_values(choices=named)
        case FieldType.NUMBER if column.minimum is not None and column.maximum is not None:
            least, most = (
                Text(*(quantities.shown(limit, language) for language in LANGUAGES))
                for limit in (column.minimum, column.maximum)
            )
            return _BETWEEN.with_values(least=least, most=most)
        case FieldType.NUMBER if column.minimum is not None:
            return _AT_LEAST.with_values(
                least=Text(*(quantities.shown(column.minimum, language) for language in LANGUAGES))
            )
        case FieldType.NUMBER:
            return _NUMBER
        case FieldType.DATE:
            return _DAY
        case FieldType.TEXT:
            return _TEXT.with_values(most=column.longest)
