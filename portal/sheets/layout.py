"""What template and importer agree on: where things stand in a sheet, and by which names a column is known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.kinds.base import Choice, Field, Kind
from portal.sheets.names import folded, sheet_title
from portal.text import LANGUAGES, Text

HEADER_ROW = 4
"""In templates; the importer looks for the header, because people insert rows."""
LISTS_SHEET = "_lists"
LINE_HEADING = Text("Linje-id", "Line id")
ERRORS_HEADING = Text("Feil", "Errors")
_OPTIONAL = Text("valgfritt", "optional")
_IN_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A prefilled line: its key (UUID) and column key -> canonical text (`Kind.flat`)."""

    key: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """One kind in a workbook. `kind` has the contract's choices bound; `title` is the sheet's name in the template.

    `headings` are further names for columns (column key -> headings): a foreign template is read by naming them here.
    """

    key: str
    kind: Kind
    title: str
    lines: tuple[TemplateLine, ...] = ()
    headings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """What the sheet may be called, folded."""
        titles = (self.title, sheet_title(self.title, set()), self.kind.title.nb, self.kind.title.en, self.key)
        return {folded(title) for title in titles}

    def columns_by_name(self) -> dict[str, str]:
        """Folded heading -> column key; a heading that could mean two columns is left out."""
        found: dict[str, str] = {}
        unclear: set[str] = set()
        for column in self.kind.columns:
            names = {column.key, *(heading(column, language) for language in LANGUAGES)}
            names |= {column.label.nb, column.label.en, *self.headings.get(column.key, ())}
            for name in {folded(name) for name in names}:
                if found.setdefault(name, column.key) != column.key:
                    unclear.add(name)
        return {name: key for name, key in found.items() if name not in unclear}


def heading(column: Field, language: str) -> str:
    """What stands over a column: label, unit, and whether it may stay empty."""
    remarks = [column.unit] if column.unit else []
    if not column.required:
        remarks.append(_OPTIONAL.to(language))
    return f"{column.label.to(language)} ({', '.join(remarks)})" if remarks else column.label.to(language)


def answer(column: Field, choice: Choice, language: str) -> str:
    """A choice as it stands in a cell: its label, or its key where two choices are called the same."""
    label = choice.label.to(language)
    return label if column.parse(label) == choice.key else choice.key


def spellings(written: str) -> tuple[str, str]:
    """A heading as found in a file, folded: as it is, and without what stands in brackets at its end."""
    return folded(written), folded(_IN_BRACKETS.sub("", written))


LINE_NAMES = frozenset({folded(LINE_HEADING.nb), folded(LINE_HEADING.en), "line", "key"})
ERROR_NAMES = frozenset({folded(ERRORS_HEADING.nb), folded(ERRORS_HEADING.en)})
