import pytest

from portal.text import Text, repeated, same


def test_a_text_speaks_both_languages_and_bokmaal_to_everybody_else() -> None:
    text = Text("krav", "requirement")
    assert [text.to(language) for language in ("nb", "en", "nn", "sv")] == ["krav", "requirement", "krav", "krav"]


def test_places_are_filled_in_each_language_also_by_texts() -> None:
    text = Text("{count} {thing} mangler", "{count} {thing} missing")
    assert text.with_values(count=2, thing=Text("linjer", "lines")) == Text("2 linjer mangler", "2 lines missing")


def test_a_value_with_braces_is_not_read_as_a_place() -> None:
    assert Text("«{text}»", "“{text}”").with_values(text="{0.__class__}") == Text("«{0.__class__}»", "“{0.__class__}”")


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        Text("{count} linjer", "{count} lines").with_values(number=1)


def test_a_text_survives_json() -> None:
    text = Text("Påkrevd «felt»", "Required field")
    assert Text.load(text.dump()) == text
    assert text.dump() == {"nb": "Påkrevd «felt»", "en": "Required field"}


def test_a_name_reads_alike_everywhere() -> None:
    assert same("kWh") == Text("kWh", "kWh")


def test_what_somebody_wrote_is_repeated_short_and_visible() -> None:
    assert repeated("  Graver æøå\u00a01 ") == "Graver æøå 1"
    assert repeated("a\ud800\u202eb\0").encode() == "a\ufffd\ufffdb\ufffd".encode()
    assert repeated("x" * 500) == "x" * 40
