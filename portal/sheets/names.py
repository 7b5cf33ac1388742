"""Names in a workbook: of cells, of sheets, and how headings are compared."""

import re
import unicodedata
from functools import cache

LAST_COLUMN = 16_384
LAST_ROW = 1_048_576
_LONGEST_TITLE = 31
_FORBIDDEN_IN_TITLES = set("[]:*?/\\'")
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?", re.ASCII)


@cache
def letters(column: int) -> str:
    """Column number, from 1, to letters: 28 -> AB."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def column_number(name: str) -> int:
    """Letters to column number, from 1; 0 when it is no column that Excel has."""
    if not (name.isascii() and name.isalpha() and name.isupper() and len(name) <= len("XFD")):
        return 0
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number if number <= LAST_COLUMN else 0


def corners(area: str) -> tuple[int, int, int, int] | None:
    """First row, first column, last row, last column (from 1) of an area such as B2:C7; None when it is none."""
    found = _RANGE.fullmatch(area)
    if not found:
        return None
    first, top, last, bottom = found.groups()
    left, right = column_number(first), column_number(last or first)
    return (int(top), left, int(bottom or top), right) if left and right else None


def sheet_title(wanted: str, taken: set[str]) -> str:
    """A title that Excel takes: ≤ 31 characters, no brackets, quotes, slashes or `: * ?`; adds it to `taken`."""
    plain = "".join(sign for sign in wanted if sign.isprintable() and sign not in _FORBIDDEN_IN_TITLES)
    plain = " ".join(plain.split()) or "Ark"
    title, number = plain[:_LONGEST_TITLE].strip(), 1
    while title.casefold() in taken | {"history"}:
        number += 1
        ending = f" ({number})"
        title = plain[: _LONGEST_TITLE - len(ending)].strip() + ending
    taken.add(title.casefold())
    return title


def folded(name: str) -> str:
    """A name as it is compared: letters and digits only, small, compatibility forms folded."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", name).casefold() if sign.isalnum())
