"""Lines of each kind, as somebody on the site reports them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import count

from portal import factors, kinds
from portal.factors import Basis
from portal.kinds.base import Choice, Kind, Line, Setting
from portal.text import same

UNITS = {
    "machines": (Choice("m-1", same("Gravemaskin 1")), Choice("m-2", same("Hjullaster 2"))),
    "vehicles": (Choice("v-1", same("Lastebil 1")),),
}
KINDS: Mapping[str, Kind] = {key: kind.bound(UNITS) for key, kind in kinds.kinds().items()}
BASIS = Basis(factors.edition("desnz-2025-ttw"), factors.edition("nve-2023"))
MARCH = Setting(date(2026, 3, 1), date(2026, 3, 31), BASIS)
DIESEL, CURRENT = Decimal("9.89"), Decimal(1)
_numbers = count()


def line(kind: str, **values: str) -> Line:
    read = KINDS[kind].read({"amount_source": "metered", **values})
    assert read.problems == ()
    return Line(f"{kind}-{next(_numbers)}", read.values)


def machine(carrier: str, amount: str) -> Line:
    stage = "zero_emission" if carrier == "electricity" else "V"
    return line("machinery", machine="m-1", carrier=carrier, stage=stage, hours="100", amount=amount)


def lorry(carrier: str, amount: str, *, filled: str = "site", fence: str = "inside") -> Line:
    euro = "zero_emission" if carrier == "electricity" else "euro_6"
    where = {"purpose": "masses", "fence": fence, "filled": filled}
    return line("transport", vehicle="v-1", carrier=carrier, euro_class=euro, distance="100", amount=amount, **where)


def meter(carrier: str, amount: str, purpose: str = "machines") -> Line:
    return line("energy", meter="A1", purpose=purpose, carrier=carrier, amount=amount)


def delivered(product: str, amount: str, entry: str = "delivery") -> Line:
    named = {"supplier": "X", "invoice": "1", "delivered_on": "14.03.2026"}
    return line("fuel", entry=entry, product=product, amount=amount, **named)
