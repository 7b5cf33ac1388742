"""Fuel and energy delivered, and the stock at the period's start and end: what was bought, and what of it was used."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from portal import calendars
from portal.kinds import carriers, checks, definitions, reconciling
from portal.kinds.base import Choice, Field, FieldType, Function, Hit, Indicator, Kind, Line, Measure, Rule, Setting
from portal.kinds.carriers import CountedFrom
from portal.kinds.checks import number, said
from portal.text import Text

_MOST_AMOUNT = Decimal(10_000_000)
DELIVERY, OPENING, CLOSING = "delivery", "opening_stock", "closing_stock"
_NAMED = ("supplier", "invoice", "delivered_on")


def measures(_kind: Kind, lines: Sequence[Line], setting: Setting) -> dict[str, list[Measure]]:
    """What `carriers.counted` gives of each line; closing stock is taken away, so the sum is what was used."""
    return {
        line.key: carriers.counted(
            line,
            "product",
            "amount",
            setting,
            reported_from=CountedFrom.DELIVERIES,
            sign=_sign(line),
            also={"entry": line.text("entry")},
        )
        for line in lines
    }


def delivered_in_period(
    _kind: Kind, lines: Sequence[Line], setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """A delivery belongs to the period it was delivered in."""
    for line in lines:
        day = line.day("delivered_on")
        if day is not None and not setting.starts_on <= day <= setting.ends_on:
            values = {"day": day, "first": setting.starts_on, "last": setting.ends_on}
            yield Hit(line.key, "delivered_on", {name: calendars.as_typed(each) for name, each in values.items()})


def delivery_named(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """A delivery says who delivered, on which invoice and which day; stock needs none of that."""
    for line in lines:
        if line.text("entry") != DELIVERY:
            continue
        for key in _NAMED:
            if not line.text(key):
                yield Hit(line.key, key, {**said(kind, line, "product"), "what": kind.column(key).label})


def delivery_once(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """The same product, amount, invoice and day twice is likely a copy."""
    for line, _first in checks.repeated(
        [line for line in lines if line.text("entry") == DELIVERY],
        lambda line: tuple(line.text(key) for key in ("supplier", "invoice", "product", "amount", "delivered_on")),
    ):
        yield Hit(line.key, "invoice", said(kind, line, "product", "invoice"))


def stock_is_possible(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """There cannot be more left of a product than there was and than came."""
    used = _used(lines)
    for line in lines:
        if line.text("entry") == CLOSING and used[line.text("product")] < 0:
            yield Hit(line.key, "amount", said(kind, line, "product"))


def stock_carries_over(
    kind: Kind, lines: Sequence[Line], setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """What was left at the end of a period is there at the start of the next."""
    left, there = _stock(setting.previous, CLOSING), _stock(lines, OPENING)
    for line in lines:
        product = line.text("product")
        if line.text("entry") == OPENING and product in left and left[product] != there[product]:
            unit = line.unit("amount")
            values = {"now": number(there[product], unit), "left": number(left[product], unit)}
            yield Hit(line.key, "amount", {**said(kind, line, "product"), **values})


def biofuel_documented(
    kind: Kind, lines: Sequence[Line], _setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """Each batch of biofuel has its sustainability stated on the invoice or on a document it refers to."""
    bio = {each.key for each in carriers.CARRIERS if each.bio and each.drives}
    for line in lines:
        if line.text("product") in bio and line.text("entry") == DELIVERY and not line.text("sustainability"):
            yield Hit(line.key, "sustainability", said(kind, line, "product"))


def reconciles(kind: Kind, lines: Sequence[Line], setting: Setting, parameters: Mapping[str, Decimal]) -> Iterator[Hit]:
    """What was delivered, less what is left, is what machines, vehicles and heating report to have used."""
    if not setting.others.keys() & {CountedFrom.USE, CountedFrom.METERS}:
        return
    for each in reconciling.differences(_used(lines), _told_by_others(setting), parameters["tolerance"]):
        product = kind.column("product").choice(each.carrier)
        line = next(line for line in lines if line.text("product") == each.carrier)
        unit = product.unit if product else ""
        values = {
            "own": number(each.own, unit),
            "other": number(each.other, unit),
            "share": number(each.share * 100, "%"),
        }
        yield Hit(line.key, "amount", {**said(kind, line, "product"), **values})


def counted_here(
    kind: Kind, lines: Sequence[Line], setting: Setting, _parameters: Mapping[str, Decimal]
) -> Iterator[Hit]:
    """What the contract counts from deliveries, and others report to have used, has deliveries or stock."""
    used = _told_by_others(setting)
    for product, amount in reconciling.untold(_used(lines), used, setting.counted, CountedFrom.DELIVERIES):
        choice = kind.column("product").choice(product)
        if choice:
            yield Hit(values={"product": choice.label, "amount": number(amount, choice.unit)})


def _told_by_others(setting: Setting) -> dict[str, Decimal]:
    """What machines, vehicles filled on the site, and heaters by their meters, report to have used."""
    told = defaultdict(Decimal, reconciling.used(setting.others))
    for carrier, amount in reconciling.metered(setting.others.get(CountedFrom.METERS, ()), for_machines=False).items():
        told[carrier] += amount
    return told


def _sign(line: Line) -> int:
    return -1 if line.text("entry") == CLOSING else 1


def _used(lines: Sequence[Line]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found[line.text("product")] += (line.number("amount") or 0) * _sign(line)
    return found


def _stock(lines: Sequence[Line], entry: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.text("entry") == entry:
            found[line.text("product")] += line.number("amount") or 0
    return dict(found)


FUNCTIONS: Mapping[str, Function] = {
    "fuel.measures@1": measures,
    "fuel.measures@2": carriers.also_fossil(measures),
    "fuel.delivered_in_period@1": delivered_in_period,
    "fuel.delivery_named@1": delivery_named,
    "fuel.delivery_once@1": delivery_once,
    "fuel.stock_is_possible@1": stock_is_possible,
    "fuel.stock_carries_over@1": stock_carries_over,
    "fuel.biofuel_documented@1": biofuel_documented,
    "fuel.ten_times_previous@1": checks.ten_times_previous("product", "entry"),
    "fuel.reconciles@1": reconciles,
    "fuel.counted_here@1": counted_here,
}

RULES = (
    Rule(
        "delivered_in_period",
        "error",
        Text(
            "Levert {day}, men perioden er {first}–{last}. Rett datoen eller før leveransen i riktig periode.",
            "Delivered {day}, but the period is {first}–{last}. Correct the date or report it in its own period.",
        ),
        "fuel.delivered_in_period@1",
    ),
    Rule(
        "delivery_named",
        "error",
        Text(
            "{product}: en leveranse må ha «{what}». Fyll det ut.", "{product}: a delivery needs “{what}”. Fill it in."
        ),
        "fuel.delivery_named@1",
    ),
    Rule(
        "delivery_once",
        "warning",
        Text(
            "{product} på faktura {invoice} står flere ganger. Slett linjen hvis den er en kopi.",
            "{product} on invoice {invoice} is listed more than once. Delete the line if it is a copy.",
        ),
        "fuel.delivery_once@1",
    ),
    Rule(
        "stock_is_possible",
        "error",
        Text(
            "{product}: det er mer igjen enn det som var der og ble levert. Rett lageret eller leveransene.",
            "{product}: more is left than was there and came. Correct the stock or the deliveries.",
        ),
        "fuel.stock_is_possible@1",
    ),
    Rule(
        "stock_carries_over",
        "warning",
        Text(
            "{product}: lageret starter på {now}, men sluttet på {left} i forrige periode.",
            "{product}: the stock starts at {now}, but ended at {left} in the period before.",
        ),
        "fuel.stock_carries_over@1",
    ),
    Rule(
        "biofuel_documented",
        "warning",
        Text(
            "{product}: bærekraftsdokument mangler. Skriv nummeret eller legg det ved.",
            "{product}: the sustainability document is missing. Give its number or attach it.",
        ),
        "fuel.biofuel_documented@1",
    ),
    Rule(
        "ten_times_previous",
        "warning",
        Text(
            "{product}: {amount} nå, {previous} i forrige periode. Kontroller desimaltegn og enhet.",
            "{product}: {amount} now, {previous} in the period before. Check decimal sign and unit.",
        ),
        "fuel.ten_times_previous@1",
        (checks.SLIP,),
    ),
    Rule(
        "reconciles",
        "warning",
        Text(
            "{product}: {own} er levert og brukt av lageret, men maskiner, kjøretøy og oppvarming har ført {other}. "
            "Forskjellen er {share}. Rett det som er feil, eller skriv hvorfor.",
            "{product}: {own} was delivered and taken from stock, but machines, vehicles and heating report {other}. "
            "The difference is {share}. Correct what is wrong, or say why.",
        ),
        "fuel.reconciles@1",
        (reconciling.TOLERANCE,),
    ),
    Rule(
        "counted_here",
        "warning",
        Text(
            "{product}: {amount} er ført som brukt, men her er det ingen leveranse eller lager. Kontrakten teller fra "
            "leveransene, så dette teller som 0. Før leveransene, eller skriv hvorfor.",
            "{product}: {amount} is reported as used, but there is no delivery or stock here. The contract counts from "
            "deliveries, so this counts as 0. Report the deliveries, or say why.",
        ),
        "fuel.counted_here@1",
    ),
)

KIND = Kind(
    key="fuel",
    title=Text("Levert drivstoff og energi", "Fuel and energy delivered"),
    fields=(
        Field(
            "entry",
            Text("Hva linjen er", "What the line is"),
            FieldType.CHOICE,
            choices=(
                Choice(DELIVERY, Text("Leveranse", "Delivery")),
                Choice(OPENING, Text("Lager ved start", "Stock at the start")),
                Choice(CLOSING, Text("Lager ved slutt", "Stock at the end")),
            ),
        ),
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
        Field(
            "supplier",
            Text("Leverandør av drivstoffet", "Supplier of the fuel"),
            FieldType.TEXT,
            required=False,
            longest=120,
        ),
        Field("invoice", Text("Fakturanummer", "Invoice number"), FieldType.TEXT, required=False, longest=60),
        Field(
            "delivered_on",
            Text("Levert", "Delivered"),
            FieldType.DATE,
            required=False,
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
            Text("Levert og brukt energi", "Energy delivered and used"),
            Text(
                "Energien i alt som er levert, med lageret ved start og uten lageret ved slutt.",
                "The energy in all that was delivered, with the stock at the start and without that at the end.",
            ),
            "kWh",
            "sum",
            "energy",
            lower_is_better=True,
        ),
        carriers.LIQUID_FUEL,
        carriers.FOSSIL_LINES,
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
            definition=definitions.BIO_SHARE,
        ),
        carriers.MEASURED_SHARE,
    ),
    measures="fuel.measures@2",
    rules=RULES,
    tells=CountedFrom.DELIVERIES.value,
)
