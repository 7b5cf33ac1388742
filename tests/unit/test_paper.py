"""Papers: what comes out of a PDF is what went in as data, whatever it looks like."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from portal import paper

MADE_AT = datetime(2026, 4, 7, 9, 30, tzinfo=UTC)
MARKUP = '#eval("1") *fat* _slanted_ $x^2$ <label> @ref `raw` = heading - item \\ // comment /* and */ ~ #{1+1} "'


def facts(**changes: Any) -> dict[str, Any]:
    """A receipt with no answers, but for `changes`."""
    return {
        "language": "nb",
        "portal": "Klimakontrakt",
        "title": "Kvittering for mars 2026",
        "author": "Annas Graving AS",
        "reference": "K-1/2026-03/1",
        "lead": [],
        "pairs": [],
        "hash": "0123abcd",
        "hash-label": "Fingeravtrykk",
        "hash-says": "Regnet ut.",
        "answers": {"title": "Det som ble sendt", "parts": []},
        "figures": {"title": "Tall", "basis": [], "parts": []},
        "reasons": {"title": "Begrunnelser", "heads": ["Advarsel", "Begrunnelse"], "rows": []},
        "next": {"title": "Hva skjer nå", "steps": []},
        **changes,
    }


def read(content: bytes) -> PdfReader:
    return PdfReader(BytesIO(content))


def text_of(content: bytes) -> str:
    """All that is read from it, with gaps and break points as the reader hears them."""
    pages = " ".join(page.extract_text() for page in read(content).pages)
    return " ".join(pages.replace("\u200b", "").split())


def typeset(**changes: Any) -> bytes:
    return paper.typeset("receipt", facts(**changes), made_at=MADE_AT)


def test_a_paper_is_tagged_has_a_language_and_a_title() -> None:
    found = read(typeset())
    root: Any = found.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("nb", True)
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert found.metadata is not None
    assert found.metadata.title == "Kvittering for mars 2026"


def test_markup_that_somebody_typed_is_only_text() -> None:
    said = text_of(typeset(pairs=[["Merknad", MARKUP]], lead=[MARKUP]))
    assert said.count(MARKUP) == 2


@pytest.mark.parametrize(
    ("written", "read_back"),
    [
        ("Bra \U0001f44d\U0001f3fd", "Bra \U0001f44d\U0001f3fd"),
        ("Привет, Άννα", "Привет, Άννα"),
        ("漢", "[cjk unified ideograph-6f22]"),
        ("CO\u2082 ≥ 20\u00a0%", "CO\u2082 ≥ 20 %"),
    ],
)
def test_every_sign_is_there_or_named(written: str, read_back: str) -> None:
    assert f"Merknad: {read_back}" in text_of(typeset(pairs=[["Merknad", written]]))


def test_what_holds_no_space_stays_on_the_paper() -> None:
    content = typeset(pairs=[["Merknad", "x" * 3000]])
    assert text_of(content).replace(" ", "").count("x") == 3000
    assert len(read(content).pages) <= 3


def test_five_hundred_reasons_are_all_there() -> None:
    rows = [[f"Linje {number}", f"Fordi {number}."] for number in range(500)]
    said = text_of(typeset(reasons={"title": "Begrunnelser", "heads": ["Advarsel", "Begrunnelse"], "rows": rows}))
    assert all(f"Linje {number} Fordi {number}." in said for number in range(500))


def test_the_same_facts_are_the_same_file() -> None:
    assert typeset(lead=["Likt."]) == typeset(lead=["Likt."])
    assert typeset(lead=["Likt."]) != typeset(lead=["Ulikt."])


def test_a_fault_in_a_template_is_told() -> None:
    with pytest.raises(paper.PaperFailed, match="receipt"):
        paper.typeset("receipt", {"language": "nb"}, made_at=MADE_AT)
