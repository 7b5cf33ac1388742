"""The workbook of contracts: a sheet with a row for each, and two for what a contract may have several of."""

from collections.abc import Iterator
from dataclasses import replace

from portal.kinds.base import Field, Kind
from portal.model import Membership
from portal.operations.contracts.agreement_facts import PARTIES
from portal.operations.contracts.agreements import PARTS
from portal.operations.contracts.contract_facts import Fact
from portal.operations.contracts.contract_lists import BUYER, REPRESENTATIVE, SITE, SUPPLIER
from portal.sheets.layout import SheetSpec
from portal.sheets.origin import Origin
from portal.sheets.template import TemplateSpec, write_template
from portal.text import Text

CONTRACTS, SITES, REPRESENTATIVES = "contract", "sites", "representatives"
"""Keys of the sheets."""
OF_SEVERAL = (SITES, REPRESENTATIVES)
"""Sheets that a file may be without."""
TEMPLATE_VERSION = "2"

TITLES = {
    CONTRACTS: Text("Kontrakter", "Contracts"),
    SITES: Text("Byggeplasser", "Sites"),
    REPRESENTATIVES: Text("Representanter", "Representatives"),
}
_AS_THERE = Text("Som i arket «Kontrakter».", "As in the sheet “Contracts”.")

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
        "Har kontrakten flere byggeplasser eller representanter, skriver du dem på rader i arkene for det. "
        "Kontraktsnummeret sier hvilken kontrakt de hører til.",
        "Where a contract has more sites or representatives, write them on rows of the sheets for that. "
        "The contract number says which contract they belong to.",
    ),
    Text(
        "Lagre som .xlsx, og last opp filen. Du ser hva som er lest, og hva som er feil, før noe blir lagret. "
        "Er noe feil, kan du laste ned filen med feilene merket, og rette dem der.",
        "Save as .xlsx, and upload the file. You see what was read, and what is wrong, before anything is stored. "
        "If something is wrong, you can download the file with the errors marked, and correct them there.",
    ),
    Text(
        "Hver rad blir et utkast. Krav og sanksjonsbestemmelser legger du inn i utkastet, og så starter du kontrakten.",
        "Each row becomes a draft. Requirements and sanction clauses are entered there; then you start the contract.",
    ),
)
OF_SIDE = {
    BUYER: Text("Oppdragsgivers representant: {what}", "The buyer's representative: {what}"),
    SUPPLIER: Text("Leverandørens representant: {what}", "The supplier's representative: {what}"),
}


def facts() -> tuple[Fact, ...]:
    """Every fact; of those that a draft can be without, none must be filled in."""
    return tuple(
        fact if part is PARTIES else replace(fact, field=replace(fact.field, required=False))
        for part in PARTS.values()
        for fact in part.facts
        if fact.in_sheet
    )


def _representative_fields() -> Iterator[Field]:
    asked = {field.key: field for field in REPRESENTATIVE}
    for side, words in OF_SIDE.items():
        for key in ("name", "email"):
            yield replace(
                asked[key],
                key=f"{side}_rep_{key}",
                label=words.with_values(what=asked[key].label),
                required=False,
                hint=None,
            )


def contract() -> Kind:
    """A contract as a row: every fact, its first site, and a representative of each party."""
    site = tuple(replace(field, required=False) for field in SITE)
    return Kind(CONTRACTS, TITLES[CONTRACTS], (*(fact.field for fact in facts()), *site, *_representative_fields()))


def kinds() -> dict[str, Kind]:
    """Key of a sheet -> what its rows are. The number of the contract ties the rows of the others to it."""
    number = replace(PARTIES.fact("reference").field, hint=_AS_THERE)
    people = tuple(replace(field, required=field.required and field.key != "speaks") for field in REPRESENTATIVE)
    return {
        CONTRACTS: contract(),
        SITES: Kind(SITES, TITLES[SITES], (number, *SITE)),
        REPRESENTATIVES: Kind(REPRESENTATIVES, TITLES[REPRESENTATIVES], (number, *people)),
    }


def specs(language: str) -> tuple[SheetSpec, ...]:
    """The sheets as they stand in the template."""
    return tuple(SheetSpec(key=key, kind=kind, title=TITLES[key].to(language)) for key, kind in kinds().items())


def template(by: Membership, language: str) -> bytes:
    """An empty workbook to fill in."""
    return write_template(
        TemplateSpec(
            title=TITLES[CONTRACTS].to(language),
            contract=by.organisation.name,
            period=by.organisation.number,
            language=language,
            meta=Origin(TEMPLATE_VERSION, "", "", "", by.organisation.number),
            sheets=specs(language),
            instructions=INSTRUCTIONS,
            steps=STEPS,
        )
    )
