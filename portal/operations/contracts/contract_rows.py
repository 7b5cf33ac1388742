"""What a workbook of contracts says, row by row, and what is wrong with it: by itself, together, beside the portal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from portal.kinds.base import Kind, Parsed, Problem
from portal.model import Membership
from portal.model.base import Json
from portal.operations.contracts import agreements, contract_lists, contract_sheets
from portal.operations.contracts.contract_facts import Values
from portal.operations.contracts.contract_sheets import CONTRACTS, OF_SEVERAL, OF_SIDE, REPRESENTATIVES, SITES
from portal.sheets.importing import Imported, ImportedLine, SheetProblem, Validated, shown, validate
from portal.sheets.names import corners
from portal.sheets.wording import NOTES
from portal.text import Text

TWICE = Text("Kontraktsnummeret står også i rad {row}.", "The contract number stands in row {row} too.")
NO_SUCH = Text(
    "Arket «Kontrakter» har ingen kontrakt med det nummeret.", "The sheet “Contracts” has no contract with that number."
)
NAME_AND_ADDRESS = Text(
    "En representant har både navn og e-post.", "A representative has both a name and an e-mail address."
)


def judged(imported: Imported, by: Membership) -> Json:
    """A file as it is kept: its rows, each with what is wrong with it and what the further sheets say of its contract.

    What is wrong in a row of a further sheet holds back its contract alone; where no contract is named, the file.
    """
    file = _File(imported, contract_sheets.kinds(), by)
    rows = list(file.contracts())
    file.further(rows)
    return {
        "rows": rows,
        "problems": file.rest(),
        "notes": [note.dump() for note in _notes(imported)],
        "frames": {title: list(frame) for title, frame in imported.frames.items()},
        "refusal": None,
        "created": [],
    }


def _notes(imported: Imported) -> list[Text]:
    """What everybody should see; that a sheet is not there which a file may be without is nothing to tell."""
    optional = [contract_sheets.TITLES[key] for key in OF_SEVERAL]
    needless = {NOTES["sheet_missing"].with_values(title=title.to(of)) for title in optional for of in ("nb", "en")}
    return [note for note in imported.notes if note not in needless]


@dataclass
class _File:
    """A file that is being judged."""

    imported: Imported
    kinds: Mapping[str, Kind]
    by: Membership
    strays: list[Json] = field(default_factory=list)
    """What is wrong in rows that belong to no contract."""

    def __post_init__(self) -> None:
        self.checked: Validated = validate(self.imported, self.kinds)
        self.known: dict[tuple[str, int], list[Json]] = {}
        """Title of the sheet and row -> what the reader found; row 0 for the sheet as a whole."""
        for each in self.checked.problems:
            if each.rule != "not_our_template":
                area = corners(each.cell)
                self.known.setdefault((each.sheet, area[0] if area else 0), []).append(_kept(each))

    def contracts(self) -> Iterator[Json]:
        """The contracts, a row each."""
        seen: dict[str, int] = {}
        for line, values, found in self._lines(CONTRACTS):
            problems = found + self._at_cells(CONTRACTS, line, _together(values, seen, line.row, self.by))
            typed = self._typed(CONTRACTS, line)
            yield {"row": line.row, "typed": typed, "problems": problems, SITES: [], REPRESENTATIVES: []}

    def further(self, rows: list[Json]) -> None:
        """Give each contract what the further sheets say of it."""
        by_number: dict[str, Json] = {}
        for row in rows:
            if number := _number(row["typed"].get("reference")):
                by_number.setdefault(number, row)
        for key in OF_SEVERAL:
            for line, values, found in self._lines(key):
                number = _number(values.get("reference"))
                if number not in by_number:
                    lost = [Problem("no_contract", NO_SUCH, "reference")] if number else []
                    self.strays += found + self._at_cells(key, line, lost)
                    continue
                row = by_number[number]
                row["problems"] += found + self._at_cells(key, line, _of_contract(values, row))
                row[key].append(self._typed(key, line))

    def rest(self) -> list[Json]:
        """What is wrong with sheets as a whole, and with rows that nobody knows whom they are about."""
        return self.strays + [each for found in self.known.values() for each in found]

    def _lines(self, key: str) -> Iterator[tuple[ImportedLine, dict[str, Parsed], list[Json]]]:
        """The rows of a sheet, each with what it means and what is wrong with it by itself; no cell is blamed twice."""
        title = self.imported.titles.get(key, "")
        for line, _reading in self.checked.readings.get(key, ()):
            values, problems = _read(self.kinds[key], line)
            known = self.known.pop((title, line.row), [])
            told = {each["cell"] for each in known if each["severity"] == "error"}
            more = [each for each in self._at_cells(key, line, problems) if each["cell"] not in told]
            yield line, values, known + more

    def _typed(self, key: str, line: ImportedLine) -> dict[str, str]:
        kind = self.kinds[key]
        return dict(kind.inputs(kind.read(line.raw).values, "nb"))

    def _at_cells(self, key: str, line: ImportedLine, problems: Iterable[Problem]) -> list[Json]:
        title = self.imported.titles[key]
        return [
            _kept(
                SheetProblem(
                    title,
                    line.cell(each.field),
                    each.rule,
                    each.text,
                    each.severity,
                    each.field,
                    shown(line.raw.get(each.field)),
                )
            )
            for each in problems
        ]


def _kept(each: SheetProblem) -> Json:
    return {
        "sheet": each.sheet,
        "cell": each.cell,
        "rule": each.rule,
        "text": each.text.dump(),
        "severity": each.severity,
        "value": each.value,
    }


def _number(written: object) -> str:
    return str(written or "").casefold()


def _read(kind: Kind, line: ImportedLine) -> tuple[dict[str, Parsed], list[Problem]]:
    """What a row means, with what the facts look at more closely than their fields."""
    values: dict[str, Parsed] = {}
    problems: list[Problem] = []
    closely = {fact.key: fact for fact in contract_sheets.facts()}
    for asked in kind.fields:
        raw = line.raw.get(asked.key)
        value = closely[asked.key].read(raw) if asked.key in closely else asked.parse(raw)
        if isinstance(value, Problem):
            problems.append(value)
        else:
            values[asked.key] = value
    return values, problems


def _together(values: Values, seen: dict[str, int], row: int, by: Membership) -> Iterator[Problem]:
    """What is wrong with a contract beside other rows and beside what the portal has."""
    reference = _number(values.get("reference"))
    if reference and reference in seen:
        yield Problem("twice", TWICE.with_values(row=seen[reference]), "reference")
    elif reference:
        seen[reference] = row
    yield from agreements.problems({key: value for key, value in values.items() if value is not None}, by=by)
    for side in OF_SIDE:
        if bool(values.get(f"{side}_rep_name")) != bool(values.get(f"{side}_rep_email")):
            missing = f"{side}_rep_email" if values.get(f"{side}_rep_name") else f"{side}_rep_name"
            yield Problem("required", NAME_AND_ADDRESS, missing)
        yield from _address(values, f"{side}_rep_email")


def _of_contract(values: Values, row: Json) -> Iterator[Problem]:
    """What is wrong with a site or a representative beside what its contract has."""
    name = _number(values.get("site_name"))
    if name and name in {_number(each.get("site_name")) for each in (row["typed"], *row[SITES])}:
        yield Problem("taken", contract_lists.SITE_TAKEN, "site_name")
    yield from _address(values, "email")


def _address(values: Values, key: str) -> Iterator[Problem]:
    email = str(values.get(key) or "")
    if email and not contract_lists.is_address(email):
        yield Problem("address", contract_lists.NOT_AN_ADDRESS, key)
