"""Many contracts at once: a workbook with a row for each, read behind the gate, made into drafts only after a yes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from portal import permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db, parts
from portal.files import clean_name
from portal.kinds.base import Field, Kind, Parsed, Problem
from portal.model import Contract, ContractImport, ImportState, Membership, record
from portal.model.base import Json
from portal.operations import agreements, contract_lists
from portal.operations.agreement_facts import PARTIES
from portal.operations.agreements import PARTS
from portal.operations.contract_facts import Fact, Values
from portal.operations.contract_lists import BUYER, REPRESENTATIVE, SITE, SUPPLIER
from portal.operations.counting_facts import BASIS
from portal.permissions import Permission
from portal.sheets.gate import LIMITS
from portal.sheets.importing import Imported, ImportedLine, SheetProblem, read_lines, shown, validate
from portal.sheets.layout import SheetSpec
from portal.sheets.origin import Origin
from portal.sheets.refusal import Refusal
from portal.sheets.template import TemplateSpec, write_template
from portal.text import LANGUAGES, Text

MOST_ROWS = 500
SMALL = replace(
    LIMITS, size=5_000_000, inflated=60_000_000, rows=MOST_ROWS, cells=60_000, cpu_seconds=10, wall_seconds=20
)
"""Contracts are few: what is larger is another file."""
TEMPLATE_VERSION = "1"

TITLE = Text("Kontrakter", "Contracts")
INSTRUCTIONS = Text(
    "En rad for hver kontrakt. Mørk overskrift: må fylles ut. Lys overskrift: valgfritt. "
    "Lagre som .xlsx og last opp under Kontrakter.",
    "One row for each contract. Dark heading: must be filled in. Light heading: optional. "
    "Save as .xlsx and upload it under Contracts.",
)
STEPS = (
    Text(
        "Skriv én kontrakt på hver rad. Sletter du en kolonne som er valgfri, gjelder det vanlige.",
        "Write one contract on each row. Where you delete an optional column, the usual applies.",
    ),
    Text(
        "Skriv tall, ikke formler. Datoer er dd.mm.åååå. Flere referanser i en celle skilles med komma.",
        "Write numbers, not formulas. Dates are dd.mm.yyyy. Separate several references in a cell with commas.",
    ),
    Text(
        "Lagre som .xlsx, og last opp filen. Du ser hva som er lest, og hva som er feil, før noe blir lagret.",
        "Save as .xlsx, and upload the file. You see what was read, and what is wrong, before anything is stored.",
    ),
    Text(
        "Hver rad blir et utkast. Krav og sanksjonsbestemmelser legger du inn i utkastet, og så starter du kontrakten.",
        "Each row becomes a draft. Requirements and sanction clauses are entered there; then you start the contract.",
    ),
)
NO_FILE = Text("Velg en Excel-fil først.", "Choose an Excel file first.")
NO_ROWS = Text(
    "Filen har ingen utfylte rader. Skriv minst én kontrakt, og last opp på nytt.",
    "The file has no filled-in rows. Write at least one contract, and upload it again.",
)
NO_SHEET = Text(
    "Fant ikke arket «Kontrakter». Bruk malen som du laster ned her.",
    "Found no sheet “Contracts”. Use the template that you download here.",
)
_OWN_WORDS = {"no_rows": NO_ROWS, "no_sheet": NO_SHEET}
TWICE = Text("Kontraktsnummeret står også i rad {row}.", "The contract number stands in row {row} too.")
DONE = Text("Det er laget utkast av filen allerede.", "Drafts were made of the file already.")
NOTHING_READY = Text("Ingen rader er klare.", "No rows are ready.")
_OF_SIDE = {
    BUYER: Text("Oppdragsgivers representant: {what}", "The buyer's representative: {what}"),
    SUPPLIER: Text("Leverandørens representant: {what}", "The supplier's representative: {what}"),
}
_SPEAKS = "nb"


class Found(NamedTuple):
    """What was read from a file: rows, what is wrong with the file, and notes."""

    imported: Imported | None
    refusal: Refusal | None


# -- the sheet, from the same descriptions as the forms ----------------------------------------------------------------


def _facts() -> tuple[Fact, ...]:
    """Every fact; of those that a draft can be without, none must be filled in."""
    return tuple(
        fact if part is PARTIES else replace(fact, field=replace(fact.field, required=False))
        for part in PARTS.values()
        for fact in part.facts
        if fact.in_sheet
    )


def _representative_fields() -> Iterator[Field]:
    asked = {field.key: field for field in REPRESENTATIVE}
    for side, words in _OF_SIDE.items():
        for key in ("name", "email"):
            yield replace(
                asked[key],
                key=f"{side}_rep_{key}",
                label=words.with_values(what=asked[key].label),
                required=False,
                hint=None,
            )


def sheet() -> Kind:
    """A contract as a row: every fact, its first site, and a representative of each party."""
    site = tuple(replace(field, required=False) for field in SITE)
    return Kind("contract", TITLE, (*(fact.field for fact in _facts()), *site, *_representative_fields()))


def _spec(language: str) -> SheetSpec:
    return SheetSpec(key="contract", kind=sheet(), title=TITLE.to(language))


def template(by: Membership, language: str) -> bytes:
    """An empty workbook to fill in."""
    return write_template(
        TemplateSpec(
            title=TITLE.to(language),
            contract=by.organisation.name,
            period=by.organisation.number,
            language=language,
            meta=Origin(TEMPLATE_VERSION, "", "", "", by.organisation.number),
            sheets=(_spec(language),),
            instructions=INSTRUCTIONS,
            steps=STEPS,
        )
    )


# -- read --------------------------------------------------------------------------------------------------------------


def read(name: str, content: bytes, language: str) -> Found:
    """Read a stranger's file in the limited child. Outside any transaction: it may take seconds."""
    if not name and not content:
        raise Invalid(NO_FILE)
    try:
        return Found(read_lines(content, (_spec(language),), None, SMALL), None)
    except Refusal as refusal:
        return Found(
            None, Refusal(refusal.rule, _OWN_WORDS.get(refusal.rule, refusal.text), refusal.sheet, refusal.cell)
        )


def keep(name: str, content: bytes, found: Found, *, by: Membership) -> ContractImport:
    """Keep the file under its hash with what was found in it, row by row; nothing is made of it yet."""
    permissions.demand(by, Permission.CONTRACT_EDIT)
    stored = parts().store.put(content)
    result = _refused(found.refusal) if found.refusal else _judged(found.imported, by)
    row = ContractImport(
        organisation_id=by.organisation_id,
        uploaded_by_id=by.id,
        sha256=stored.sha256,
        name=clean_name(name),
        state=_state(result),
        result=result,
    )
    db.session.add(row)
    db.session.flush()
    record(row, "contract_import.uploaded", by=by, sha256=stored.sha256, rows=len(result["rows"]))
    return row


def _state(result: Json) -> ImportState:
    if result["refusal"]:
        return ImportState.REFUSED
    is_faulty = result["problems"] or any(each["problems"] for each in result["rows"])
    return ImportState.FAULTY if is_faulty else ImportState.READY


def _refused(refusal: Refusal) -> Json:
    return {"rows": [], "problems": [], "notes": [], "refusal": refusal.text.dump(), "created": []}


def _judged(imported: Imported | None, by: Membership) -> Json:
    assert imported is not None  # noqa: S101 - one of the two is always there
    kind = sheet()
    judged = validate(imported, {"contract": kind})
    by_row = _by_row(judged.problems)
    rows: list[Json] = []
    seen: dict[str, int] = {}
    for line, _reading in judged.readings.get("contract", ()):
        values, problems = _read_row(kind, line)
        known = by_row.pop(line.row, [])
        told = {each["cell"] for each in known if each["severity"] == "error"}
        found = known + [each for each in _at_cells(line, problems, imported) if each["cell"] not in told]
        found += _at_cells(line, _more(values, seen, line.row, by), imported)
        rows.append({"row": line.row, "typed": kind.inputs(kind.read(line.raw).values, "nb"), "problems": found})
    rest = [each for found in by_row.values() for each in found]
    notes = [note.dump() for note in imported.notes]
    return {"rows": rows, "problems": rest, "notes": notes, "refusal": None, "created": []}


def _by_row(problems: Sequence[SheetProblem]) -> dict[int, list[Json]]:
    """Row -> what is wrong in it; 0 for what is about the sheet."""
    found: dict[int, list[Json]] = {}
    for each in problems:
        if each.rule == "not_our_template":
            continue
        digits = "".join(sign for sign in each.cell if sign.isdigit())
        found.setdefault(int(digits or 0), []).append(_kept(each))
    return found


def _kept(each: SheetProblem) -> Json:
    return {
        "sheet": each.sheet,
        "cell": each.cell,
        "rule": each.rule,
        "text": each.text.dump(),
        "severity": each.severity,
        "value": each.value,
    }


def _read_row(kind: Kind, line: ImportedLine) -> tuple[dict[str, Parsed], list[Problem]]:
    """What a row means, with what the facts look at more closely than their fields."""
    values: dict[str, Parsed] = {}
    problems: list[Problem] = []
    closely = {fact.key: fact for fact in _facts()}
    for field in kind.fields:
        raw = line.raw.get(field.key)
        value = closely[field.key].read(raw) if field.key in closely else field.parse(raw)
        if isinstance(value, Problem):
            problems.append(value)
        else:
            values[field.key] = value
    return values, problems


def _more(values: Values, seen: dict[str, int], row: int, by: Membership) -> Iterator[Problem]:
    """What is wrong beside other rows and beside what the portal has."""
    reference = str(values.get("reference") or "").casefold()
    if reference and reference in seen:
        yield Problem("twice", TWICE.with_values(row=seen[reference]), "reference")
    elif reference:
        seen[reference] = row
    yield from agreements.problems({key: value for key, value in values.items() if value is not None}, by=by)
    for side in _OF_SIDE:
        if bool(values.get(f"{side}_rep_name")) != bool(values.get(f"{side}_rep_email")):
            missing = f"{side}_rep_email" if values.get(f"{side}_rep_name") else f"{side}_rep_name"
            yield Problem("required", _NAME_AND_ADDRESS, missing)
        email = str(values.get(f"{side}_rep_email") or "")
        if email and not contract_lists.is_address(email):
            yield Problem("address", contract_lists.NOT_AN_ADDRESS, f"{side}_rep_email")


_NAME_AND_ADDRESS = Text(
    "En representant har både navn og e-post.", "A representative has both a name and an e-mail address."
)


def _at_cells(line: ImportedLine, problems: Iterator[Problem] | list[Problem], imported: Imported) -> list[Json]:
    title = imported.titles["contract"]
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


# -- said yes to -------------------------------------------------------------------------------------------------------


def is_ready(row: Mapping[str, Any]) -> bool:
    """Whether a row of the result can become a draft."""
    return not any(each["severity"] == "error" for each in row["problems"])


def ready(row: ContractImport) -> list[Json]:
    """The rows that can become drafts; none when the sheet as a whole is wrong."""
    if row.result["refusal"] or any(each["severity"] == "error" for each in row.result["problems"]):
        return []
    return [each for each in row.result["rows"] if is_ready(each)]


def create(row: ContractImport, *, by: Membership) -> list[Contract]:
    """Make a draft of each row that is ready. All or none: what has been taken meanwhile is refused by its number."""
    permissions.demand(by, Permission.CONTRACT_EDIT)
    if row.state == ImportState.STORED:
        raise Conflict(DONE)
    rows = ready(row)
    if not rows:
        raise Invalid(NOTHING_READY, (Problem("nothing_ready", NOTHING_READY),))
    made = [_create(each["typed"], by) for each in rows]
    row.state = ImportState.STORED
    row.result = {**row.result, "created": [str(contract.public_id) for contract in made]}
    record(row, "contract_import.stored", by=by, drafts=[contract.reference for contract in made])
    return made


def _create(typed: Mapping[str, str], by: Membership) -> Contract:
    kind = sheet()
    values = {
        field.key: value for field in kind.fields if not isinstance(value := field.parse(typed[field.key]), Problem)
    }
    contract = agreements.draft(_said(values), by=by)
    if values.get("site_name"):
        contract_lists.add_site(contract, values, by=by, version=None)
    for side in _OF_SIDE:
        if values.get(f"{side}_rep_name"):
            named = {
                "side": side,
                "name": values[f"{side}_rep_name"],
                "email": values[f"{side}_rep_email"],
                "speaks": _SPEAKS,
            }
            contract_lists.name_representative(contract, named, by=by, version=None)
    return contract


def _said(values: Values) -> dict[str, Parsed]:
    """The facts that the row gives. A choice of how to count is made as a whole, what is empty being a choice too."""
    basis = {fact.key for fact in BASIS.facts}
    counts = any(values.get(key) is not None for key in basis)
    always = {fact.key for fact in PARTIES.facts} | (basis if counts else set())
    return {
        fact.key: values.get(fact.key) for fact in _facts() if fact.key in always or values.get(fact.key) is not None
    }


def created(row: ContractImport, by: Membership) -> list[Contract]:
    """The drafts that were made of it."""
    numbers = row.result["created"]
    found = {str(each.public_id): each for each in db.session.scalars(permissions.visible(Contract, by)).unique()}
    return [found[number] for number in numbers if number in found]


def row_words(row: Mapping[str, Any], key: str) -> Text:
    """What a row of the result says of a fact, in words."""
    kind = sheet()
    values = kind.read(row["typed"]).values
    return Text(*(kind.display(key, values, language) for language in LANGUAGES))
