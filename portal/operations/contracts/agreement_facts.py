"""The facts of a contract that say what was agreed with whom, for how long, for how much, and what it is called."""

import re
import uuid
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from stdnum.no import orgnr

from portal.kinds.base import Choice, Field, FieldType, Parsed, Problem
from portal.model import Contract
from portal.operations.contracts.contract_facts import LARGEST_VALUE, Check, Fact, Part, Values, listed, plain
from portal.text import Text, same


def _identifiers(field: Field, scheme: str, check: Check | None) -> Fact:
    def get(contract: Contract) -> Parsed:
        return ", ".join(each["value"] for each in contract.identifiers or [] if each["scheme"] == scheme) or None

    def put(contract: Contract, value: Parsed) -> None:
        others = [each for each in contract.identifiers or [] if each["scheme"] != scheme]
        contract.identifiers = [*others, *({"scheme": scheme, "value": each} for each in listed(value))]

    return Fact(field, get, put, check)


def _each(pattern: re.Pattern[str], reason: Text) -> Check:
    def check(text: str) -> Text | None:
        wrong = next((each for each in listed(text) if not pattern.fullmatch(each)), None)
        return None if wrong is None else reason.with_values(value=wrong[:40])

    return check


def _organisation(text: str) -> Text | None:
    if orgnr.is_valid(bare_number(text)):
        return None
    return Text(
        "dette er ikke et gyldig organisasjonsnummer. Det har ni sifre.",
        "this is not a valid organisation number. It has nine digits.",
    )


def bare_number(text: str) -> str:
    """An organisation number as it is kept: «NO 987 654 321 MVA» is nine digits."""
    return re.sub(r"[^0-9A-Z]", "", text.upper()).removeprefix("NO").removesuffix("MVA")


def _procedure(text: str) -> Text | None:
    for each in listed(text):
        try:
            sound = str(uuid.UUID(each)) == each.lower()
        except ValueError:
            sound = False
        if not sound:
            return Text(
                f"«{each[:40]}» er ikke en prosedyre-ID. Den ser slik ut: 34ce13de-399d-49e6-8beb-0ab6354edac4.",
                f"“{each[:40]}” is not a procedure ID. It looks like this: 34ce13de-399d-49e6-8beb-0ab6354edac4.",
            )
    return None


def _cpv(contract: Contract, value: Parsed) -> None:
    contract.cpv = [each[:8] for each in listed(value)]


def _leave(contract: Contract, value: Parsed) -> None:
    """The supplier is another row: `agreements` finds or registers it."""


_A_DAY = Text("dd.mm.åååå, for eksempel 14.03.2026.", "dd.mm.yyyy, for example 14.03.2026.")

PARTIES = Part(
    "parties",
    Text("Kontrakten og partene", "The contract and its parties"),
    (
        plain(
            Field(
                "reference",
                Text("Kontraktsnummer", "Contract number"),
                FieldType.TEXT,
                longest=60,
                hint=Text("Deres eget nummer på kontrakten.", "Your own number for the contract."),
            )
        ),
        plain(Field("title", Text("Navn på kontrakten", "Name of the contract"), FieldType.TEXT, longest=200)),
        Fact(
            Field(
                "supplier_number",
                Text("Leverandørens organisasjonsnummer", "The supplier's organisation number"),
                FieldType.TEXT,
                longest=30,
                hint=Text("Ni sifre.", "Nine digits."),
            ),
            lambda contract: contract.supplier.number,
            _leave,
            _organisation,
        ),
        Fact(
            Field(
                "supplier_name",
                Text("Leverandørens navn", "The supplier's name"),
                FieldType.TEXT,
                required=False,
                longest=200,
                hint=Text(
                    "Bare når leverandøren er ny her. Er det tomt, henter vi navnet fra Enhetsregisteret hvis vi kan.",
                    "Only when the supplier is new here. Left empty, we take the name from Enhetsregisteret if we can.",
                ),
            ),
            lambda contract: contract.supplier.name,
            _leave,
        ),
        plain(Field("starts_on", Text("Første dag", "First day"), FieldType.DATE, hint=_A_DAY)),
        plain(Field("ends_on", Text("Siste dag", "Last day"), FieldType.DATE, hint=_A_DAY)),
    ),
    Text("Hvem avtalen er med, og hvor lenge den varer.", "Whom the agreement is with, and how long it lasts."),
)

VALUE = Part(
    "value",
    Text("Verdi", "Value"),
    (
        plain(
            Field(
                "value",
                Text("Kontraktsverdi", "Contract value"),
                FieldType.NUMBER,
                required=False,
                minimum=Decimal(0),
                maximum=LARGEST_VALUE,
                hint=Text(
                    "Som signert, uten merverdiavgift. Må være med når en dagmulkt regnes av verdien.",
                    "As signed, without VAT. Needed when a daily amount is counted from the value.",
                ),
            )
        ),
        plain(
            Field(
                "currency",
                Text("Valuta", "Currency"),
                FieldType.CHOICE,
                choices=tuple(Choice(each, same(each)) for each in ("NOK", "SEK", "DKK", "EUR")),
            )
        ),
    ),
    Text("Det som ble avtalt da kontrakten ble signert.", "What was agreed when the contract was signed."),
)

REFERENCES = Part(
    "references",
    Text("Referanser", "References"),
    (
        _identifiers(
            Field(
                "doffin",
                same("Doffin"),
                FieldType.TEXT,
                required=False,
                hint=Text("Som 2026-123456. Flere skilles med komma.", "Like 2026-123456. Separate with commas."),
            ),
            "doffin",
            _each(
                re.compile(r"\d{4}-\d{5,6}"),
                Text("«{value}» ser ikke slik ut: 2026-123456.", "“{value}” does not look like 2026-123456."),
            ),
        ),
        _identifiers(
            Field(
                "ted",
                same("TED"),
                FieldType.TEXT,
                required=False,
                hint=Text("Som 123456-2026. Flere skilles med komma.", "Like 123456-2026. Separate with commas."),
            ),
            "ted",
            _each(
                re.compile(r"\d{1,8}-\d{4}"),
                Text("«{value}» ser ikke slik ut: 123456-2026.", "“{value}” does not look like 123456-2026."),
            ),
        ),
        _identifiers(
            Field(
                "procedure",
                Text("Prosedyre-ID i eForms", "Procedure ID in eForms"),
                FieldType.TEXT,
                required=False,
                hint=Text("36 tegn, fra kunngjøringen.", "36 characters, from the notice."),
            ),
            "procedure",
            _procedure,
        ),
        _identifiers(
            Field(
                "case_number",
                Text("Saksnummer i arkivet", "Case number in the archive"),
                FieldType.TEXT,
                required=False,
                longest=60,
                hint=Text("Som 2026/1234. Flere skilles med komma.", "Like 2026/1234. Separate with commas."),
            ),
            "case",
            None,
        ),
        Fact(
            Field(
                "cpv",
                Text("CPV-koder", "CPV codes"),
                FieldType.TEXT,
                required=False,
                hint=Text(
                    "Åtte sifre, som 45112000. Flere skilles med komma.",
                    "Eight digits, like 45112000. Separate with commas.",
                ),
            ),
            lambda contract: ", ".join(contract.cpv or []) or None,
            _cpv,
            _each(
                re.compile(r"\d{8}(-\d)?"),
                Text("«{value}» har ikke åtte sifre.", "“{value}” does not have eight digits."),
            ),
        ),
    ),
    Text("Hva kontrakten heter andre steder.", "What the contract is called elsewhere."),
)

ENDS_FIRST = Text("siste dag kan ikke være før første dag.", "the last day cannot be before the first.")


def faults(values: Values) -> Iterator[Problem]:
    """What does not go together; what is not entered is not looked at."""
    starts_on, ends_on = values.get("starts_on"), values.get("ends_on")
    if isinstance(starts_on, date) and isinstance(ends_on, date) and ends_on < starts_on:
        yield PARTIES.fact("ends_on").problem("order", ENDS_FIRST)
