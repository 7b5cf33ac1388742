"""A template with one sheet of machines, filled in by another program and read back."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from portal.kinds.base import Choice, Kind
from portal.kinds.fields import Field, FieldType
from portal.sheets.importing import Imported, SheetProblem, Validated, read_lines, validate
from portal.sheets.layout import HEADER_ROW, SheetSpec, TemplateLine
from portal.sheets.origin import Origin
from portal.sheets.template import TemplateSpec, write_template
from portal.text import Text

DIESEL = Choice("diesel", Text("Diesel", "Diesel"), "l")
POWER = Choice("electricity", Text("Strøm", "Electricity"), "kWh")
KIND = Kind(
    "machinery",
    Text("Maskiner", "Machinery"),
    (
        Field("machine", Text("Maskin", "Machine"), FieldType.TEXT, identity=True),
        Field("carrier", Text("Energibærer", "Carrier"), FieldType.CHOICE, choices=(DIESEL, POWER), required=False),
        Field(
            "hours",
            Text("Driftstimer", "Hours"),
            FieldType.NUMBER,
            unit="h",
            minimum=Decimal(0),
            maximum=Decimal(744),
            hint=Text("Timer maskinen var i drift.", "Hours the machine ran."),
        ),
        Field("share", Text("Andel", "Share"), FieldType.NUMBER, unit="%", required=False),
        Field("litres", Text("Mengde", "Amount"), FieldType.NUMBER, unit="l", required=False),
        Field("arrived", Text("Ankomst", "Arrival"), FieldType.DATE, required=False),
        Field("note", Text("Merknad", "Note"), FieldType.TEXT, required=False),
    ),
)
KEYS = [str(uuid.UUID(int=place, version=4)) for place in range(1, 4)]
LINES = (
    TemplateLine(KEYS[0], {"machine": "Graver 1", "carrier": "diesel"}),
    TemplateLine(KEYS[1], {"machine": "0042", "carrier": "electricity", "hours": "12.25", "arrived": "2026-03-02"}),
)
SHEET = SheetSpec("machinery", KIND, "Maskiner", LINES)
ORIGIN = Origin("3", "0f0e0d0c", "2026-03", "K-12", "974760673")
SPEC = TemplateSpec("Klimarapport", "K-12 Testtunnelen", "mars 2026", "nb", ORIGIN, (SHEET,))
COLUMNS = dict(zip((column.key for column in KIND.columns), "BCDEFGH", strict=True))
FIRST = HEADER_ROW + 1


def filled(fill: Callable[[Worksheet], None], spec: TemplateSpec = SPEC) -> bytes:
    """The template as a person sends it back: opened, changed and saved by another program."""
    book = load_workbook(BytesIO(write_template(spec)))
    fill(book[spec.sheets[0].title])
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue()


def cells(**values: object) -> Callable[[Worksheet], None]:
    """Set cells by name: B5=…"""

    def fill(sheet: Worksheet) -> None:
        for name, value in values.items():
            sheet[name] = value  # type: ignore[assignment]

    return fill


def read(content: bytes, spec: SheetSpec = SHEET, expected: Origin | None = ORIGIN) -> Imported:
    return read_lines(content, (spec,), expected)


def read_and_validated(content: bytes, spec: SheetSpec = SHEET, expected: Origin | None = ORIGIN) -> Validated:
    return validate(read(content, spec, expected), {spec.key: spec.kind})


def rules(problems: tuple[SheetProblem, ...]) -> dict[str, str]:
    return {problem.cell: problem.rule for problem in problems}
