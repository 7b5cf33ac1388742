"""Many contracts at once: a workbook with a row for each, read behind the gate, made into drafts only after a yes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from portal import permissions
from portal.errors import Conflict, Invalid
from portal.extensions import db, parts
from portal.files import clean_name
from portal.kinds.base import Kind, Parsed, Problem
from portal.model import Contract, ContractImport, ImportState, Membership, record
from portal.model.base import Json
from portal.operations.contracts import agreements, contract_lists, contract_rows, contract_sheets
from portal.operations.contracts.agreement_facts import PARTIES
from portal.operations.contracts.contract_facts import Values
from portal.operations.contracts.contract_sheets import CONTRACTS, OF_SIDE, REPRESENTATIVES, SITES
from portal.operations.contracts.counting_facts import BASIS
from portal.permissions import Permission
from portal.sheets.gate import LIMITS
from portal.sheets.header import Frame
from portal.sheets.importing import Imported, SheetProblem, read_lines
from portal.sheets.marking import mark_errors
from portal.sheets.refusal import Refusal, refuse
from portal.text import LANGUAGES, Text

MOST_ROWS = 500
SMALL = replace(
    LIMITS, size=5_000_000, inflated=60_000_000, rows=MOST_ROWS, cells=60_000, cpu_seconds=10, wall_seconds=20
)
"""Contracts are few: what is larger is another file."""
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
DONE = Text("Det er laget utkast av filen allerede.", "Drafts were made of the file already.")
NOTHING_READY = Text("Ingen rader er klare.", "No rows are ready.")
_SPEAKS = "nb"


# -- read --------------------------------------------------------------------------------------------------------------


def read(name: str, content: bytes, language: str) -> Imported | Refusal:
    """Read a stranger's file in the limited child. Outside any transaction: it may take seconds."""
    if not name and not content:
        raise Invalid(NO_FILE)
    try:
        return read_lines(content, contract_sheets.specs(language), None, SMALL)
    except Refusal as refusal:
        words = _OWN_WORDS.get(refusal.rule, refusal.text)
        return Refusal(refusal.rule, words, refusal.sheet, refusal.cell)


def keep(name: str, content: bytes, found: Imported | Refusal, *, by: Membership) -> ContractImport:
    """Keep the file under its hash with what was found in it, row by row; nothing is made of it yet."""
    permissions.demand(by, Permission.CONTRACT_EDIT)
    stored = parts().store.put(content)
    result = _refused(found) if isinstance(found, Refusal) else contract_rows.judged(found, by)
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


def can_be_marked(row: ContractImport) -> bool:
    """Whether there are errors to mark in the file, and sheets to mark them in."""
    return row.state == ImportState.FAULTY and bool(row.result.get("frames"))


def marked(row: ContractImport) -> bytes:
    """The person's own file with the errors in it. Raises Refusal when it cannot be marked."""
    if not can_be_marked(row):
        raise refuse("unmarkable")
    problems = [_problem(stored) for stored in faults(row) if stored["severity"] == "error"]
    frames = {title: Frame(*frame) for title, frame in row.result["frames"].items()}
    return mark_errors(parts().store.get(row.sha256), problems, frames, row.uploaded_by.person.language, SMALL)


def faults(row: ContractImport) -> list[Json]:
    """Everything that is wrong or strange in the file, by sheet and cell."""
    return [problem for each in row.result["rows"] for problem in each["problems"]] + list(row.result["problems"])


def _problem(stored: Json) -> SheetProblem:
    return SheetProblem(stored["sheet"], stored["cell"], stored["rule"], Text.load(stored["text"]), stored["severity"])


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
    made = [_create(each, by) for each in rows]
    row.state = ImportState.STORED
    row.result = {**row.result, "created": [str(contract.public_id) for contract in made]}
    record(row, "contract_import.stored", by=by, drafts=[contract.reference for contract in made])
    return made


def _create(row: Mapping[str, Any], by: Membership) -> Contract:
    kinds = contract_sheets.kinds()
    values = _meant(kinds[CONTRACTS], row["typed"])
    contract = agreements.draft(_said(values), by=by)
    sites = [values, *(_meant(kinds[SITES], typed) for typed in row.get(SITES, ()))]
    for site in sites:
        if site.get("site_name"):
            contract_lists.add_site(contract, site, by=by, version=None)
    people = [*_named_in(values), *(_meant(kinds[REPRESENTATIVES], typed) for typed in row.get(REPRESENTATIVES, ()))]
    for named in people:
        speaking = {**named, "speaks": named.get("speaks") or _SPEAKS}
        contract_lists.name_representative(contract, speaking, by=by, version=None)
    return contract


def _meant(kind: Kind, typed: Mapping[str, str]) -> dict[str, Parsed]:
    """What a row that was judged says."""
    read = {field.key: field.parse(typed.get(field.key, "")) for field in kind.fields}
    return {key: value for key, value in read.items() if not isinstance(value, Problem)}


def _named_in(values: Values) -> list[dict[str, Parsed]]:
    """The representatives that stand in the contract's own row."""
    return [
        {"side": side, "name": values[f"{side}_rep_name"], "email": values[f"{side}_rep_email"]}
        for side in OF_SIDE
        if values.get(f"{side}_rep_name")
    ]


def _said(values: Values) -> dict[str, Parsed]:
    """The facts that the row gives. A choice of how to count is made as a whole, what is empty being a choice too."""
    basis = {fact.key for fact in BASIS.facts}
    counts = any(values.get(key) is not None for key in basis)
    always = {fact.key for fact in PARTIES.facts} | (basis if counts else set())
    said = [fact.key for fact in contract_sheets.facts()]
    return {key: values.get(key) for key in said if key in always or values.get(key) is not None}


def created(row: ContractImport, by: Membership) -> list[Contract]:
    """The drafts that were made of it."""
    numbers = row.result["created"]
    found = {str(each.public_id): each for each in db.session.scalars(permissions.visible(Contract, by)).unique()}
    return [found[number] for number in numbers if number in found]


def row_words(row: Mapping[str, Any], key: str) -> Text:
    """What a row of the result says of a fact, in words."""
    kind = contract_sheets.contract()
    values = kind.read(row["typed"]).values
    return Text(*(kind.display(key, values, language) for language in LANGUAGES))
