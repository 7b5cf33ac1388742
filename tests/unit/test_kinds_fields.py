"""Reading one value: the validation core behind form, Excel, CSV and API."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kinds.base import Choice, Field, FieldType, Parsed, Problem, Raw
from portal.quantities import checked
from portal.text import Text, same

unhurried = settings(deadline=None)  # a busy machine is no fault of the code

HOURS = Field("hours", Text("Timer", "Hours"), FieldType.NUMBER, unit="h", minimum=Decimal(0), maximum=Decimal(744))
FREE = Field("free", Text("Tall", "Number"), FieldType.NUMBER, required=False)
DAY = Field("day", Text("Dato", "Date"), FieldType.DATE)
NOTE = Field("note", Text("Merknad", "Note"), FieldType.TEXT, longest=20)
CODE = Field("code", Text("Nummer", "Number"), FieldType.TEXT, identity=True)
MACHINE = Field(
    "machine",
    Text("Maskin", "Machine"),
    FieldType.CHOICE,
    choices=(
        Choice("m-1", Text("Gravemaskin 1", "Excavator 1")),
        Choice("m-2", Text("Hjullaster", "Wheel loader")),
        Choice("m-3", Text("Hjullaster", "Loader")),
        Choice("101", same("Dumper 101")),
    ),
)


def rule(found: Parsed | Problem) -> str:
    assert isinstance(found, Problem), found
    return found.rule


@pytest.mark.parametrize("raw", ["162,5", "162.5", " 162,50 ", Decimal("162.5"), Decimal("162.500000000")])
def test_a_number_means_the_same_typed_or_written(raw: Raw) -> None:
    assert HOURS.parse(raw) == Decimal("162.5")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", "required"),
        ("   ", "required"),
        (None, "required"),
        ("12,345", "number_unclear"),
        ("NaN", "number"),
        ("n/a", "number"),
        ("1e2", "number"),
        (Decimal("NaN"), "number"),
        (Decimal("Infinity"), "number"),
        (Decimal("0.0000001"), "number_decimals"),
        (Decimal("1E+20"), "number_digits"),
        (Decimal("0.1234567890123456"), "number_decimals"),
        (True, "type"),
        (False, "type"),
        (date(2026, 3, 1), "type"),
        ("-1", "minimum"),
        ("744,000001", "maximum"),
    ],
)
def test_a_number_that_is_none_is_refused(raw: Raw, expected: str) -> None:
    found = HOURS.parse(raw)
    assert rule(found) == expected
    assert isinstance(found, Problem)
    assert found.field == "hours"
    assert found.severity == "error"


@pytest.mark.parametrize(("raw", "value"), [("0", 0), ("744", 744), (Decimal(0), 0)])
def test_the_limits_themselves_are_allowed(raw: Raw, value: int) -> None:
    assert HOURS.parse(raw) == Decimal(value)


def test_an_empty_number_is_never_zero() -> None:
    found = HOURS.parse("")
    assert isinstance(found, Problem)
    assert found.text.nb == "Timer: feltet er tomt. Skriv 0 hvis mengden er null."
    assert FREE.parse("") is None


def test_a_limit_is_named_with_its_unit_in_both_languages() -> None:
    found = HOURS.parse("1 000,5")
    assert isinstance(found, Problem)
    assert found.text == Text("Timer: kan ikke være mer enn 744\u00a0h.", "Hours: cannot be more than 744\u00a0h.")


@pytest.mark.parametrize(("raw", "expected"), [("1 000 000 000", "maximum"), ("-1 000 000 000", "minimum")])
def test_a_field_without_limits_still_fits_the_database(raw: str, expected: str) -> None:
    assert FREE.parse("999 999 999") == Decimal(999_999_999)
    assert rule(FREE.parse(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("m-1", "m-1"),
        ("M-1", "m-1"),
        ("gravemaskin 1", "m-1"),
        ("  GRAVEMASKIN   1 ", "m-1"),
        ("excavator 1", "m-1"),
        ("Ｇravemaskin\u00a01", "m-1"),  # noqa: RUF001 - full width, no-break space
        ("Grave\u200bmaskin 1", "m-1"),
        ("wheel loader", "m-2"),
        ("loader", "m-3"),
        ("101", "101"),
        (Decimal(101), "101"),
        (Decimal("101.0"), "101"),
    ],
)
def test_a_choice_is_known_by_key_or_label_however_it_is_spelt(raw: Raw, key: str) -> None:
    assert MACHINE.parse(raw) == key


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Hjullaster", "choice_unclear"),
        ("m-9", "choice"),
        ("", "required"),
        (True, "type"),
        (date(2026, 1, 1), "choice"),
    ],
)
def test_what_is_no_choice_is_refused(raw: Raw, expected: str) -> None:
    assert rule(MACHINE.parse(raw)) == expected


def test_a_key_wins_over_a_label_of_another() -> None:
    crossed = Field(
        "crossed", same("Kryss"), FieldType.CHOICE, choices=(Choice("a", same("b")), Choice("b", same("c")))
    )
    assert crossed.parse("B") == "b"


def test_an_unclear_choice_names_the_keys_that_are_meant() -> None:
    found = MACHINE.parse("hjullaster")
    assert isinstance(found, Problem)
    assert "m-2, m-3" in found.text.nb


def test_choices_have_an_order() -> None:
    assert [MACHINE.rank(key) for key in ("m-1", "m-2", "101")] == [0, 1, 3]
    with pytest.raises(KeyError):
        MACHINE.rank("m-9")


@pytest.mark.parametrize(
    "raw",
    ["14.03.2026", "14.3.26", "14.3.2026", "14032026", "2026-03-14", " 14.03.2026 ", date(2026, 3, 14)],
)
def test_a_date_is_read_in_the_ways_it_is_written(raw: Raw) -> None:
    assert DAY.parse(raw) == date(2026, 3, 14)


def test_a_date_cell_with_a_time_is_its_day() -> None:
    found = DAY.parse(datetime(2026, 3, 14, 8, 30, tzinfo=UTC))
    assert found == date(2026, 3, 14)
    assert type(found) is date


@pytest.mark.parametrize(
    "raw",
    [
        *("31.02.2026", "1/2/26", "2026-13-01", "2026-02-30", "29.02.2027", "00.01.2026", "32.01.2026", "14-03-2026"),
        *("14.03", "140326", "03.2026", "i går", "46095", "14.03.0206", "14.03.9999", "2026-3-14", "١٤.٠٣.٢٠٢٦"),
        *(Decimal(46095), date(1900, 2, 28), date(9999, 12, 31)),
    ],
)
def test_what_is_no_date_is_refused_and_the_form_is_told(raw: Raw) -> None:
    found = DAY.parse(raw)
    assert rule(found) == "date"
    assert isinstance(found, Problem)
    assert found.text.nb.endswith("Skriv dd.mm.åååå.")
    assert found.text.en.endswith("Write dd.mm.yyyy.")


def test_the_leap_day_exists_in_leap_years() -> None:
    assert DAY.parse("29.02.2028") == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("raw", "text"),
    [("  F-1001 ", "F-1001"), (Decimal("10023.0"), "10023"), (date(2026, 3, 1), "2026-03-01"), ("æøå 👷", "æøå 👷")],
)
def test_a_text_is_kept_as_it_is_written(raw: Raw, text: str) -> None:
    assert NOTE.parse(raw) == text


@pytest.mark.parametrize("raw", ["a\0b", "a\nb", "a\tb", "a\x1bb", "a\x85b", "a\ud800b", "a\u202eb", "a\u2066b"])
def test_a_text_with_hidden_signs_is_refused(raw: str) -> None:
    assert rule(NOTE.parse(raw)) == "text_signs"


def test_a_text_is_as_long_as_its_field_allows() -> None:
    assert NOTE.parse("x" * 20) == "x" * 20
    found = NOTE.parse("x" * 21)
    assert rule(found) == "text_length"
    assert isinstance(found, Problem)
    assert "21" in found.text.nb
    assert "20" in found.text.nb


def test_a_code_is_folded_and_other_text_is_not() -> None:
    assert CODE.parse("ＡＢ\u200b１２") == "AB12"  # noqa: RUF001
    assert NOTE.parse("ＡＢ１２") == "ＡＢ１２"  # noqa: RUF001
    assert rule(CODE.parse("\u200b")) == "required"


def test_a_code_stands_on_one_line() -> None:
    assert CODE.parse("AB\r\n12") == "AB 12"


@pytest.mark.parametrize("field", [HOURS, DAY, NOTE, CODE, MACHINE], ids=lambda field: str(field.key))
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("=1+1", "formula_text"),
        (" =cmd|' /C calc'!A0", "formula_text"),
        ("@SUM(1)|x", "formula_text"),
        ("\u200b=1", "formula_text"),
        ("#REF!", "excel_error"),
        ("#DIV/0!", "excel_error"),
        ("#VERDI!", "excel_error"),
        ("#I/T", "excel_error"),
    ],
)
def test_what_excel_leaves_behind_is_refused_in_every_field(field: Field, raw: str, expected: str) -> None:
    assert rule(field.parse(raw)) == expected


@pytest.mark.parametrize("raw", ["- ingen merknad", "+47 12 34 56", "#12", "a=b"])
def test_what_only_looks_a_little_like_it_is_text(raw: str) -> None:
    assert NOTE.parse(raw) == raw


def test_a_number_is_repeated_as_each_language_writes_it() -> None:
    found = FREE.parse(Decimal("0.1234567"))
    assert isinstance(found, Problem)
    assert ("«0,1234567»" in found.text.nb, "“0.1234567”" in found.text.en) == (True, True)


RAW = st.one_of(
    st.none(),
    st.booleans(),
    st.text(st.characters(), max_size=40),
    st.decimals(),
    st.dates(),
    st.from_regex(r"[\d., -]{1,20}", fullmatch=True),
)


@unhurried
@given(RAW, st.sampled_from([HOURS, FREE, DAY, NOTE, CODE, MACHINE]))
def test_whatever_arrives_is_read_or_refused_in_words(raw: Raw, field: Field) -> None:
    found = field.parse(raw)
    if isinstance(found, Problem):
        assert found.text.nb.startswith(f"{field.label.nb}: ")
        assert found.text.en.startswith(f"{field.label.en}: ")
        assert (found.text.nb + found.text.en).encode(), "no half sign may reach a page"
    elif isinstance(found, Decimal):
        assert checked(found) == found
    elif isinstance(found, str):
        assert found.encode()
        assert field.parse(found) == found
