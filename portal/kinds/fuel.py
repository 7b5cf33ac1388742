"""Fuel and energy delivered to the site: one line per delivery or invoice line."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal.kinds import carriers
from portal.kinds.base import Field, FieldType, Function, Indicator, Kind, Line, Measure, Problem, Setting
from portal.quantities import shown
from portal.text import Text

_SLIP = 10
_MOST_AMOUNT = Decimal(10_000_000)


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """Energy, emissions and litres of each delivery (`carriers.counted`)."""
    return {line.key: carriers.counted(line, "product", "amount", setting) for line in lines}


def delivered_in_period(_kind: Kind, lines: Sequence[Line], setting: Setting) -> Iterator[Problem]:
    """A delivery belongs to the period it was delivered in."""
    for line in lines:
        day = line.day("delivered_on")
        if day is not None and not setting.starts_on <= day <= setting.ends_on:
            text = _OUTSIDE.with_values(
                day=f"{day:%d.%m.%Y}", first=f"{setting.starts_on:%d.%m.%Y}", last=f"{setting.ends_on:%d.%m.%Y}"
            )
            yield Problem("fuel.delivered_in_period@1", text, "delivered_on", line.key)


def delivery_once(kind: Kind, lines: Sequence[Line], _setting: Setting) -> Iterator[Problem]:
    """The same product, amount, invoice and day twice is likely a copy."""
    seen: set[tuple[str, ...]] = set()
    for line in lines:
        delivery = tuple(line.text(key) for key in ("supplier", "invoice", "product", "amount", "delivered_on"))
        if delivery in seen:
            text = _TWICE.with_values(product=kind.words("product", line.values), invoice=line.text("invoice"))
            yield Problem("fuel.delivery_once@1", text, "invoice", line.key, "warning")
        seen.add(delivery)


def biofuel_documented(kind: Kind, lines: Sequence[Line], _setting: Setting) -> Iterator[Problem]:
    """Each batch of biofuel has its sustainability stated on the invoice or on a document it refers to."""
    bio = {each.key for each in carriers.CARRIERS if each.bio and each.drives}
    for line in lines:
        if line.text("product") in bio and not line.text("sustainability"):
            text = _UNDOCUMENTED.with_values(product=kind.words("product", line.values))
            yield Problem("fuel.biofuel_documented@1", text, "sustainability", line.key, "warning")


def ten_times_previous(kind: Kind, lines: Sequence[Line], setting: Setting) -> Iterator[Problem]:
    """Ten times more or less of a product than in the period before: a slipped decimal point, or another unit."""
    before, now = _amounts(setting.previous), _amounts(lines)
    told: set[str] = set()
    for line in lines:
        product = line.text("product")
        amount, previous = now.get(product, Decimal(0)), before.get(product, Decimal(0))
        if product in told or not amount or not previous or max(amount, previous) < _SLIP * min(amount, previous):
            continue
        told.add(product)
        unit = line.unit("amount")
        text = _SLIPPED.with_values(
            product=kind.words("product", line.values), amount=_number(amount, unit), previous=_number(previous, unit)
        )
        yield Problem("fuel.ten_times_previous@1", text, "amount", line.key, "warning")


def _amounts(lines: Sequence[Line]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line.text("product")] += line.number("amount") or 0
    return found


def _number(number: Decimal, unit: str) -> Text:
    return Text(*(f"{shown(number, language)}\u00a0{unit}".rstrip() for language in ("nb", "en")))


_OUTSIDE = Text(
    "Levert {day}, men perioden er {first}–{last}. Rett datoen eller før leveransen i riktig periode.",
    "Delivered {day}, but the period is {first}–{last}. Correct the date or report it in its own period.",
)
_TWICE = Text(
    "{product} på faktura {invoice} står flere ganger. Slett linjen hvis den er en kopi.",
    "{product} on invoice {invoice} is listed more than once. Delete the line if it is a copy.",
)
_UNDOCUMENTED = Text(
    "{product}: bærekraftsdokument mangler. Skriv nummeret eller legg det ved.",
    "{product}: the sustainability document is missing. Give its number or attach it.",
)
_SLIPPED = Text(
    "{product}: {amount} nå, {previous} i forrige periode. Kontroller desimaltegn og enhet.",
    "{product}: {amount} now, {previous} in the period before. Check decimal sign and unit.",
)

FUNCTIONS: Mapping[str, Function] = {
    "fuel.measures@1": measures,
    "fuel.delivered_in_period@1": delivered_in_period,
    "fuel.delivery_once@1": delivery_once,
    "fuel.biofuel_documented@1": biofuel_documented,
    "fuel.ten_times_previous@1": ten_times_previous,
}

KIND = Kind(
    key="fuel",
    title=Text("Levert drivstoff og energi", "Fuel and energy delivered"),
    fields=(
        Field("product", Text("Produkt", "Product"), FieldType.CHOICE, choices=carriers.choices()),
        Field(
            "amount",
            Text("Mengde", "Amount"),
            FieldType.NUMBER,
            unit_from="product",
            minimum=Decimal(0),
            maximum=_MOST_AMOUNT,
            provenance=True,
        ),
        Field("supplier", Text("Leverandør av drivstoffet", "Supplier of the fuel"), FieldType.TEXT, longest=120),
        Field("invoice", Text("Fakturanummer", "Invoice number"), FieldType.TEXT, longest=60),
        Field(
            "delivered_on",
            Text("Levert", "Delivered"),
            FieldType.DATE,
            hint=Text("For eksempel 14.03.2026.", "For example 14.03.2026."),
        ),
        Field(
            "sustainability",
            Text("Bærekraftsdokument", "Sustainability document"),
            FieldType.TEXT,
            required=False,
            longest=120,
            hint=Text("Bare for biodrivstoff og biogass.", "Only for biofuel and biogas."),
        ),
    ),
    indicators=(
        Indicator(
            "energy",
            Text("Levert energi", "Energy delivered"),
            Text("Energien i alt som er levert.", "The energy in all that was delivered."),
            "kWh",
            "sum",
            "energy",
            lower_is_better=True,
        ),
        carriers.LIQUID_FUEL,
        *carriers.EMISSION_INDICATORS,
        Indicator(
            "bio_share_energy",
            Text("Andel biodrivstoff og biogass", "Share of biofuel and biogas"),
            Text(
                "Energien i rent biodrivstoff, biogass og ved, delt på all levert energi. "
                "Biodrivstoff blandet i vanlig diesel og bensin er ikke med.",
                "The energy in pure biofuel, biogas and wood, divided by all energy delivered. "
                "Biofuel blended into ordinary diesel and petrol is not in it.",
            ),
            "%",
            "share",
            "energy",
            {"bio": "yes"},
        ),
        carriers.MEASURED_SHARE,
    ),
    measures="fuel.measures@1",
    rules=(
        "fuel.delivered_in_period@1",
        "fuel.delivery_once@1",
        "fuel.biofuel_documented@1",
        "fuel.ten_times_previous@1",
    ),
)
