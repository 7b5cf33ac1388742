"""What template and importer agree on: where things stand in a sheet, and by which names a column is known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.kinds.base import Choice, Field, FieldType, Kind
from portal.sheets.names import folded, sheet_title
from portal.text import LANGUAGES, Text

HEADER_ROW = 4
"""In templates; the importer looks for the header, because people insert rows."""
LISTS_SHEET = "_lists"
GUIDE = Text("Veiledning", "Guide")
"""The sheet that tells how to fill in; it is not read."""
LINE_HEADING = Text("Linje-id", "Line id")
ERRORS_HEADING = Text("Feil", "Errors")
_OPTIONAL = Text("valgfritt", "optional")
_ONLY_READ = Text("bare til lesing", "read only")
_BEFORE = Text("Forrige rapport: {label} ({remark})", "Last report: {label} ({remark})")
_IN_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A prefilled line: its key (UUID) and column key -> canonical text (`Kind.flat`).

    `before`: column key -> what the line said in the last report, in words; shown beside it and never read.
    """

    key: str
    values: Mapping[str, str]
    before: Mapping[str, str] = field(default_factory=dict)


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

    @property
    def width(self) -> int:
        """How many columns the template may have: the line id, the kind's own, what was before, and the errors."""
        return 2 * len(self.kind.columns) + 2

    @property
    def columns_before(self) -> tuple[Field, ...]:
        """The columns whose last value stands beside the lines: numbers, where any line has one."""
        known = {column for line in self.lines for column, shown in line.before.items() if shown}
        return tuple(each for each in self.kind.columns if each.type is FieldType.NUMBER and each.key in known)

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


def heading_before(column: Field, language: str) -> str:
    """What stands over a value of the last report."""
    return _BEFORE.with_values(label=column.label, remark=_ONLY_READ).to(language)


def is_only_read(written: str) -> bool:
    """Whether a heading as found in a file says that its column is there to be read by people and by nobody else."""
    remark = _IN_BRACKETS.search(written)
    return remark is not None and folded(remark[0]) in {folded(_ONLY_READ.to(language)) for language in LANGUAGES}


def answer(column: Field, choice: Choice, language: str) -> str:
    """A choice as it stands in a cell: its label, or its key where two choices are called the same."""
    label = choice.label.to(language)
    return label if column.parse(label) == choice.key else choice.key


def spellings(written: str) -> tuple[str, str]:
    """A heading as found in a file, folded: as it is, and without what stands in brackets at its end."""
    return folded(written), folded(_IN_BRACKETS.sub("", written))


LINE_NAMES = frozenset({folded(LINE_HEADING.nb), folded(LINE_HEADING.en), "line", "key"})
ERROR_NAMES = frozenset({folded(ERRORS_HEADING.nb), folded(ERRORS_HEADING.en)})
