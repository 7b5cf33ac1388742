"""Numbers as people write them, and as the database keeps them: decimal from end to end, never float."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import NamedTuple

from portal.text import LANGUAGES, Text, repeated, same

MOST_DECIMALS = 6
MOST_DIGITS = 15
MILLIONTHS = Decimal(1_000_000)
LARGEST = Decimal(9_000_000_000_000)
"""No number is larger: as millionths it would not fit the 64 bits that the databases keep it in."""
MOST_WHOLE_DIGITS = 9

_SMALLEST = Decimal("0.000001")
_GAPS = (
    " \u00a0\u202f\u2009'\u2019"  # the spaces and apostrophes that Excel, browsers and people write between thousands
)
_FULL_WIDTH = frozenset(map(chr, range(0xFF01, 0xFF5F)))
_FULL_WIDTH_BY = 0xFF01 - ord("!")
_NO_WIDTH = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_NO_GAPS = dict.fromkeys(map(ord, _GAPS))
_SPACED = re.compile(rf"[+-]?\d{{1,3}}([{_GAPS}]\d{{3}})+([.,]\d+)?")
_SIGN_AND_GAP = re.compile(r"^([+-])\s+")
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")
_GROUPED_DOT = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


class Unreadable(NamedTuple):
    """Why a text is no number: what is wrong and how to mend it."""

    rule: str
    text: Text


NOT_A_NUMBER = Unreadable(
    "number",
    Text(
        "«{text}» er ikke et tall. Skriv for eksempel 1 840,5.", "“{text}” is not a number. Write for example 1 840.5."
    ),
)
AMBIGUOUS = Unreadable(
    "number_unclear",
    Text(
        "«{text}» kan leses på to måter. Skriv {small} eller {large}.",
        "“{text}” can be read in two ways. Write {small} or {large}.",
    ),
)
TOO_PRECISE = Unreadable(
    "number_decimals",
    Text("«{text}» har mer enn {most} desimaler. Rund av.", "“{text}” has more than {most} decimals. Round it."),
)
TOO_LONG = Unreadable(
    "number_digits",
    Text(
        "«{text}» har mer enn {most} siffer. Kontroller tallet.",
        "“{text}” has more than {most} digits. Check the number.",
    ),
)
TOO_LARGE = Unreadable(
    "number_large",
    Text("«{text}» er for stort. Skriv høyst {most}.", "“{text}” is too large. Write at most {most}."),
)


def whole_number(text: str) -> int | None:
    """A whole number without a sign, as a form carries it; None for all else, and for more than 32 bits hold."""
    is_one = text.isascii() and text.isdigit() and len(text) <= MOST_WHOLE_DIGITS
    return int(text) if is_one else None


def read(text: str) -> Decimal | Unreadable:
    """Read a number as written in the Nordic countries, in Excel or by a machine.

    Decimal comma or point; spaces, no-break spaces and apostrophes between thousands. `1,234` and `1.234` could be
    1.234 or 1234 and are refused as unclear; so are NaN, infinities and exponents. Full-width digits are digits, and
    what has no width is not there.
    """
    bare = _SIGN_AND_GAP.sub(r"\1", _narrow(text).strip().replace("\u2212", "-"))
    if _SPACED.fullmatch(bare):
        bare = bare.translate(_NO_GAPS).replace(",", ".")
    elif re.fullmatch(r"[+-]?\d{1,3}[.,]\d{3}", bare) and not re.match(r"[+-]?0[.,]", bare):
        whole, fraction = re.split(r"[.,]", bare)
        return _filled(AMBIGUOUS, text, small=f"{whole},{fraction}0", large=f"{whole}{fraction}")
    elif _GROUPED_DOT.fullmatch(bare) and (bare.count(".") > 1 or "," in bare):
        bare = bare.replace(".", "").replace(",", ".")
    elif _GROUPED_COMMA.fullmatch(bare) and (bare.count(",") > 1 or "." in bare):
        bare = bare.replace(",", "")
    else:
        bare = bare.replace(",", ".", 1)
    if not _PLAIN.fullmatch(bare) or not bare.isascii():
        return _filled(NOT_A_NUMBER, text)
    return checked(Decimal(bare), text)


def checked(number: Decimal, text: str = "") -> Decimal | Unreadable:
    """The number itself when it can be stored without loss: finite, ≤ 6 decimals, ≤ 15 digits, ≤ 9 million millions.

    `text` is how it was written, for the words of the problem; else they show it as each language writes numbers.
    """
    written = same(text) if text else _written(number)
    if not number.is_finite():
        return _filled(NOT_A_NUMBER, written)
    if number == 0:
        return Decimal(0)
    if number.adjusted() >= MOST_DIGITS:
        return _filled(TOO_LONG, written, most=MOST_DIGITS)
    if rounded(number) != number:
        return _filled(TOO_PRECISE, written, most=MOST_DECIMALS)
    if len(number.normalize().as_tuple().digits) > MOST_DIGITS:
        return _filled(TOO_LONG, written, most=MOST_DIGITS)
    most = Text(*(shown(LARGEST, language) for language in LANGUAGES))
    return number if abs(number) <= LARGEST else _filled(TOO_LARGE, written, most=most)


def rounded(number: Decimal) -> Decimal:
    """The one rule for rounding what is stored: to millionths, halves to the even neighbour."""
    return number.quantize(_SMALLEST, ROUND_HALF_EVEN)


def canonical(number: Decimal) -> str:
    """The one way a number is stored as text: no exponent, no trailing zeros, point."""
    plain = format(number.normalize(), "f")
    return "0" if plain in {"-0", "0"} else plain


def for_input(number: Decimal, language: str) -> str:
    """A number as a person would type it, such that `read` gives the same number back."""
    plain = canonical(number)
    whole, point, fraction = plain.partition(".")
    if len(fraction) == 3 and len(whole.lstrip("-")) <= 3:  # noqa: PLR2004 - 1,234 could be read as 1234
        fraction += "0"
    return whole + (("." if language == "en" else ",") + fraction if point else "")


def shown(number: Decimal, language: str, decimals: int | None = None) -> str:
    """A number for people to read: no-break spaces between thousands, decimal comma (English: point).

    `decimals` rounds (halves to even) and pads; None shows every stored decimal.
    """
    exact = number if decimals is None else number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    plain = canonical(number) if decimals is None else format(abs(exact) if exact == 0 else exact, "f")
    whole, point, fraction = plain.lstrip("-").partition(".")
    grouped = f"{int(whole):,}".replace(",", "\u00a0")
    return (
        ("\u2212" if plain.startswith("-") else "")
        + grouped
        + (("." if language == "en" else ",") + fraction if point else "")
    )


def to_millionths(number: Decimal) -> int:
    """The whole number of millionths that the database adds up. Raises ValueError when digits would be lost."""
    try:
        exact = rounded(number) == number
    except InvalidOperation:
        exact = False
    if not exact:
        raise ValueError(f"{number} has more than {MOST_DECIMALS} decimals or is too large")
    return int(number * MILLIONTHS)


def from_millionths(stored: int) -> Decimal:
    """Back from `to_millionths`."""
    return Decimal(stored) / MILLIONTHS


def _narrow(text: str) -> str:
    """The text with full-width signs as plain ones and without what nobody sees.

    Superscripts stay what they are (10² is not 102), and so does what turns text around: 12 would be read as 21.
    """
    if text.isascii():
        return text
    return "".join(
        chr(ord(sign) - _FULL_WIDTH_BY) if sign in _FULL_WIDTH else sign for sign in text if sign not in _NO_WIDTH
    )


def _written(number: Decimal) -> Text:
    if not number.is_finite() or abs(number.adjusted()) > 2 * MOST_DIGITS:
        return same(str(number))
    return Text(*(for_input(number, language) for language in LANGUAGES))


def _filled(problem: Unreadable, written: str | Text, **values: str | int | Text) -> Unreadable:
    text = same(written) if isinstance(written, str) else written
    short = Text(repeated(text.nb), repeated(text.en))
    return Unreadable(problem.rule, problem.text.with_values(text=short, **values))
