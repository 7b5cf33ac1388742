"""Which report a file belongs to: written into every template, and asked for when it comes back."""

import re
from dataclasses import asdict, dataclass
from decimal import Decimal

from stdnum.no import orgnr

from portal import quantities
from portal.sheets.names import folded
from portal.sheets.reader import Workbook
from portal.sheets.refusal import refuse

META_SHEET = "_meta"
_MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Origin:
    """Which report a template was made for. Written into the file, and compared when it comes back.

    `version` is of the template, `report` a public id, `period` and `contract` as people write them (2026-03),
    `organisation` the number of the supplier. `draft` is the draft's version when the template was made: that it
    has changed since is worth a word, and no reason to refuse.
    """

    version: str
    report: str
    period: str
    contract: str
    organisation: str
    draft: str = ""

    def dump(self) -> dict[str, str]:
        """Name -> value, as the template's hidden sheet holds them."""
        return asdict(self)


_RULES = {
    "contract": "wrong_contract",
    "period": "wrong_period",
    "version": "old_template",
    "report": "wrong_report",
}


def check_origin(workbook: Workbook, expected: Origin) -> Origin | None:
    """What the file says it was made for, None when it says nothing.

    Raises `Refusal`, naming the right one, when it is another report.
    """
    table = next((table for table in workbook.tables if table.name == META_SHEET), None)
    if table is None:
        return None
    rows = range(1, min(len(table.rows), _MOST_ROWS) + 1)
    meta = {str(table.value(row, 1)): _written(table.value(row, 2)) for row in rows}
    got = Origin(**{name: meta.get(name, "") for name in expected.dump()})
    _check_organisation(got.organisation, expected.organisation)
    for name, rule in _RULES.items():
        there, here = getattr(got, name), getattr(expected, name)
        if folded(there) != folded(here):
            raise refuse(rule, found=there[:60] or "?", expected=here)
    return got


def organisation_number(written: str) -> str:
    """An organisation number as it is compared: `NO 987 654 321 MVA` and 9.87654321E8 are the same nine digits."""
    bare = "".join(sign for sign in written.upper() if sign.isalnum() or sign in ".+")
    if re.fullmatch(r"\d\.\d+E\+?\d", bare, re.ASCII):
        bare = quantities.canonical(Decimal(bare))
    return bare.removeprefix("NO").removesuffix("MVA")


def _check_organisation(written: str, expected: str) -> None:
    there, here = organisation_number(written), organisation_number(expected)
    if there == here:
        return
    if orgnr.is_valid(here) and not orgnr.is_valid(there):
        raise refuse("bad_organisation", found=written[:40])
    raise refuse("wrong_organisation", found=there[:40], expected=here)


def _written(value: object) -> str:
    return quantities.canonical(value) if isinstance(value, Decimal) else str(value).strip()
