from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import quantities
from portal.quantities import Unreadable

unhurried = settings(deadline=None)  # a busy machine is no fault of the code

TYPED = st.integers(-(10**15) + 1, 10**15 - 1).flatmap(
    lambda digits: st.integers(0, 6).map(lambda places: Decimal(digits).scaleb(-places))
)
"""Numbers of no more digits and decimals than may be typed; some of them are too large all the same."""
STORABLE = TYPED.filter(lambda number: abs(number) <= quantities.LARGEST)
SIXTY_FOUR_BITS = range(-(2**63), 2**63)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("12,5", "12.5"),
        ("12.5", "12.5"),
        ("1 840,5", "1840.5"),
        ("1\u00a0234,50", "1234.50"),
        ("1\u202f234\u2009567", "1234567"),
        ("1'234.5", "1234.5"),
        ("1’234.5", "1234.5"),  # noqa: RUF001 - as the Swiss type it
        ("1.234,5", "1234.5"),
        ("1,234.5", "1234.5"),
        ("1.234.567", "1234567"),
        ("1,234,567.25", "1234567.25"),
        ("1 234,567", "1234.567"),
        ("1234,567", "1234.567"),
        ("0,345", "0.345"),
        ("-0.345", "-0.345"),
        ("\u22125", "-5"),
        ("- 5", "-5"),
        ("+7", "7"),
        ("  007  ", "7"),
        ("0,000001", "0.000001"),
        ("１２，５", "12.5"),  # noqa: RUF001 - full width
        ("1\u200b2\ufeff", "12"),
        ("9000000000000", "9000000000000"),
    ],
)
def test_numbers_are_read_as_people_and_programs_write_them(written: str, number: str) -> None:
    assert quantities.read(written) == Decimal(number)


@pytest.mark.parametrize("written", ["1,234", "1.234", "12.345", "-123,456", "00.345", "012,345"])
def test_a_number_that_can_be_read_in_two_ways_is_refused(written: str) -> None:
    problem = quantities.read(written)
    assert isinstance(problem, Unreadable)
    assert problem.rule == "number_unclear"


def test_an_unclear_number_comes_with_two_spellings_that_are_clear() -> None:
    problem = quantities.read("1.234")
    assert isinstance(problem, Unreadable)
    assert problem.text.nb == "«1.234» kan leses på to måter. Skriv 1,2340 eller 1234."
    assert (quantities.read("1,2340"), quantities.read("1234")) == (Decimal("1.234"), Decimal(1234))


@pytest.mark.parametrize(
    "written",
    [
        *("", "-", "n/a", "NaN", "sNaN", "inf", "-Infinity", "1e3", "1E400", "0x10", "1_000"),
        *("12 5", "1 2,5", "12 34", "1 8400", "1,234 567", "1 234 56"),  # spaces that part no thousands
        *("1,2,3", "1.234.56", "1.2.3,4", ",5", "5,", "5.", "--5", "5-", "+-5"),
        *("50 %", "12 h", "kr 5", "=1+1", "½", "10²", "٣", "\u202e12"),
    ],
)
def test_what_is_no_number_is_refused(written: str) -> None:
    problem = quantities.read(written)
    assert isinstance(problem, Unreadable)
    assert problem.rule == "number"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("0,1234567", "number_decimals"),
        ("24.0000001", "number_decimals"),
        ("1234567890123456", "number_digits"),
        ("1234567890,123456", "number_digits"),
        ("9" * 5000, "number_digits"),
        ("9000000000001", "number_large"),
        ("-9000000000000,1", "number_large"),
        ("999999999999999", "number_large"),
    ],
)
def test_what_cannot_be_stored_without_loss_is_refused(written: str, rule: str) -> None:
    problem = quantities.read(written)
    assert isinstance(problem, Unreadable)
    assert problem.rule == rule
    assert len(problem.text.nb) < 120


def test_zeros_at_the_end_are_no_precision() -> None:
    assert quantities.read("1840,5000000000") == Decimal("1840.5")


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_typed_number_must_be_finite(number: str) -> None:
    assert isinstance(quantities.checked(Decimal(number)), Unreadable)


@pytest.mark.parametrize("number", ["1E+15", "1E+20", "1E-7", "1E+999999", "1E-999999"])
def test_a_typed_number_is_held_to_the_same_limits_however_short_it_is(number: str) -> None:
    assert isinstance(quantities.checked(Decimal(number)), Unreadable)


def test_a_typed_number_with_more_digits_than_the_context_is_not_rounded_first() -> None:
    assert isinstance(quantities.checked(Decimal("1.00000000000000000000000000000001")), Unreadable)


@unhurried
@given(STORABLE)
def test_what_is_stored_can_be_typed_again_in_both_languages(number: Decimal) -> None:
    assert quantities.read(quantities.for_input(number, "nb")) == number
    assert quantities.read(quantities.for_input(number, "en")) == number


@unhurried
@given(STORABLE)
def test_what_is_shown_can_be_pasted_back_unless_it_is_unclear(number: Decimal) -> None:
    for language in ("nb", "en"):
        read = quantities.read(quantities.shown(number, language))
        assert read == number or (isinstance(read, Unreadable) and read.rule == "number_unclear")


@unhurried
@given(STORABLE)
def test_the_database_gets_every_digit_and_gives_it_back(number: Decimal) -> None:
    assert quantities.from_millionths(quantities.to_millionths(number)) == number
    assert Decimal(quantities.canonical(number)) == number


@unhurried
@given(TYPED | STORABLE)
def test_what_is_read_fits_where_it_is_kept(number: Decimal) -> None:
    read = quantities.read(quantities.for_input(number, "nb"))
    if isinstance(read, Unreadable):
        assert (read.rule, abs(number) > quantities.LARGEST) == ("number_large", True)
    else:
        assert quantities.to_millionths(read) in SIXTY_FOUR_BITS


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        *(("0", 0), ("12", 12), ("007", 7), ("999999999", 999_999_999)),
        *((text, None) for text in ("", "-1", "+1", "1,5", " 1", "٣", "²", "1000000000", "9" * 5000)),
    ],
)
def test_a_whole_number_fits_thirty_two_bits_or_is_none(typed: str, number: int | None) -> None:
    assert quantities.whole_number(typed) == number


@unhurried
@given(st.text(st.characters(), max_size=60))
def test_any_text_is_read_or_refused_and_never_fails(text: str) -> None:
    read = quantities.read(text)
    if isinstance(read, Unreadable):
        assert read.text.nb.encode()
    else:
        assert quantities.checked(read) == read


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1840.500", "1840.5"),
        ("1E+3", "1000"),
        ("-0", "0"),
        ("0.000", "0"),
        ("0.000001", "0.000001"),
        ("-2.50", "-2.5"),
    ],
)
def test_a_number_is_stored_in_one_spelling(number: str, text: str) -> None:
    assert quantities.canonical(Decimal(number)) == text


@pytest.mark.parametrize("number", ["0.0000001", "1E+30"])
def test_digits_are_never_lost_on_the_way_to_the_database(number: str) -> None:
    with pytest.raises(ValueError, match=r"decimals or is too large"):
        quantities.to_millionths(Decimal(number))


@pytest.mark.parametrize(
    ("number", "rounded"),
    [("0.0000005", "0"), ("0.0000015", "0.000002"), ("0.0000025", "0.000002"), ("2.00000051", "2.000001")],
)
def test_halves_go_to_the_even_neighbour(number: str, rounded: str) -> None:
    assert quantities.rounded(Decimal(number)) == Decimal(rounded)


@pytest.mark.parametrize(
    ("number", "language", "decimals", "text"),
    [
        ("1840.5", "nb", None, "1\u00a0840,5"),
        ("1840.5", "en", None, "1\u00a0840.5"),
        ("-1234567.25", "nb", None, "\u22121\u00a0234\u00a0567,25"),
        ("5612.6", "nb", 0, "5\u00a0613"),
        ("49.96", "nb", 1, "50,0"),
        ("-0.04", "nb", 1, "0,0"),
        ("0", "nb", None, "0"),
        ("999", "en", 2, "999.00"),
    ],
)
def test_numbers_are_shown_the_nordic_way(number: str, language: str, decimals: int | None, text: str) -> None:
    assert quantities.shown(Decimal(number), language, decimals) == text
