"""Files that must be turned away, and the wall that the others are read behind."""

import json
import resource
import string
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.sheets import confinement
from portal.sheets.gate import LIMITS, Limits, admit
from portal.sheets.names import corners, letters
from portal.sheets.reader import read_workbook
from portal.sheets.refusal import TEXTS, Refusal
from portal.sheets.scan import Budget, SheetPart, as_excel_shows
from portal.sheets.wording import FAULTS, NOTES
from portal.text import Text
from tests import bad_workbooks as bad

FOUR_COLUMNS = LIMITS.for_width(4)
REFUSED = list(bad.refused())


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: f"{file.number} {file.what}")
def test_a_bad_file_is_refused_by_its_rule_in_both_languages(file: bad.BadFile) -> None:
    with pytest.raises(Refusal) as caught:
        read_workbook(file.make(), FOUR_COLUMNS)

    assert caught.value.rule == file.rule
    assert caught.value.text.nb
    assert "{" not in caught.value.text.nb + caught.value.text.en


def test_the_factory_makes_files_that_are_bad_in_one_way_only() -> None:
    [table] = read_workbook(bad.good(), FOUR_COLUMNS).tables

    assert table.rows[0] == list(bad.HEADINGS)
    assert table.value(2, 1) == "Graver 1"


@pytest.mark.parametrize(
    "rule", ["macros", "objects", "external_links", "password", "old_format", "inflated", "too_many_parts", "part_name"]
)
def test_what_can_be_told_from_outside_needs_no_child(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "START", "raise SystemExit('no child may start')")
    files = [file for file in REFUSED if file.rule == rule]

    assert files
    for file in files:
        with pytest.raises(Refusal) as caught:
            admit(file.make(), FOUR_COLUMNS)
        assert caught.value.rule == rule


def test_a_file_over_the_upload_cap_is_refused_unopened() -> None:
    with pytest.raises(Refusal) as caught:
        admit(bytes(2_000_001), replace(LIMITS, size=2_000_000))

    assert caught.value.rule == "too_big"
    assert "2 MB" in caught.value.text.nb


def test_external_links_are_listed() -> None:
    [file] = [file for file in REFUSED if file.rule == "external_links"]

    with pytest.raises(Refusal) as caught:
        admit(file.make())

    assert "file:///X:/lager.xlsx" in caught.value.text.nb


def test_a_refusal_says_which_sheet_and_cell() -> None:
    [file] = [file for file in REFUSED if file.what == "cell twice"]

    with pytest.raises(Refusal) as caught:
        read_workbook(file.make())

    assert (caught.value.sheet, caught.value.cell) == ("Maskiner", "A1")
    assert caught.value.text.nb.startswith("Ark «Maskiner», celle A1: ")


def test_a_tail_after_the_zip_is_read_over() -> None:
    """Number 33: harmless, because the portal only ever hands such a file out as an attachment."""
    [table] = read_workbook(bad.good() + b"<html><script>alert(1)</script></html>").tables

    assert table.value(2, 1) == "Graver 1"


def test_a_dimension_that_lies_is_ignored() -> None:
    """Number 18."""
    lying = bad.sheet(bad.HEADER, bad.GOOD_ROW, before='<dimension ref="A1:XFD1048576"/>')

    [table] = read_workbook(bad.workbook(lying), FOUR_COLUMNS).tables

    assert len(table.rows) == 2


def test_formatted_blanks_far_away_do_not_count() -> None:
    far = bad.sheet(bad.HEADER, bad.GOOD_ROW, bad.row(1_048_576, '<c r="XFD1048576" s="1"/>'))

    [table] = read_workbook(bad.workbook(far), FOUR_COLUMNS).tables

    assert len(table.rows) == 2


def test_cells_without_names_stand_where_they_stand() -> None:
    nameless = bad.sheet("<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c></row>")

    [table] = read_workbook(bad.workbook(nameless)).tables

    assert [[int(str(value)) for value in row if value != ""] for row in table.rows] == [[1, 2], [3]]


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_file_with_flipped_bytes_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """First in the file as a whole, then in the XML behind a sound zip."""
    content = bytearray(bad.good())
    for place in data.draw(st.lists(st.integers(4, len(content) - 1), min_size=1, max_size=4)):
        content[place] ^= data.draw(st.integers(1, 255))
    part = data.draw(st.sampled_from(sorted(bad.parts())))
    xml = bytearray(bad.parts()[part])
    for place in data.draw(st.lists(st.integers(60, len(xml) - 1), min_size=1, max_size=4)):
        xml[place] = data.draw(st.sampled_from(b"<>\"'&/=09AZ\x00\xff"))

    for file in (bytes(content), bad.good({part: bytes(xml)})):
        with suppress(Refusal):
            read_workbook(file)


class TestTheWall:
    """The child process: what it may use, what it may know, and that its death is an answer."""

    def test_calamine_may_abort_without_taking_the_portal_along(self) -> None:
        """The 2 kB file that makes calamine ask for 549 GB, let past the scan on purpose."""
        [file] = [file for file in REFUSED if file.what.startswith("two corners")]
        blind = replace(LIMITS, rows=1_048_576, columns=16_384)

        with pytest.raises(Refusal) as caught:
            read_workbook(file.make(), blind)

        assert caught.value.rule == "damaged"
        assert "-6" in caught.value.__notes__[0]  # SIGABRT

    def test_memory_is_limited(self) -> None:
        content = bad.zipped(bad.parts() | {"xl/theme/theme1.xml": b"<a>" + b" " * 60_000_000 + b"</a>"}, level=1)
        roomy = replace(LIMITS, ratio=10_000)
        assert read_workbook(content, roomy).tables

        with pytest.raises(Refusal) as caught:
            read_workbook(content, replace(roomy, memory=130_000_000))

        assert caught.value.rule in {"inflated", "damaged"}

    def test_processor_time_is_limited(self) -> None:
        endless = bad.sheet(*(bad.row(place, *["<c/>"] * 2000) for place in range(1, 800)))
        patient = replace(LIMITS, blanks=10**9, ratio=10**6, cpu_seconds=1)

        with pytest.raises(Refusal) as caught:
            read_workbook(bad.workbook(endless), patient)

        assert caught.value.rule == "damaged"
        assert any(f"ended with -{signal}" in caught.value.__notes__[0] for signal in (9, 24))  # SIGKILL, SIGXCPU

    def test_patience_is_limited(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(confinement, "START", "import time; time.sleep(60)")

        with pytest.raises(Refusal) as caught:
            read_workbook(bad.good(), replace(LIMITS, wall_seconds=1))

        assert caught.value.rule == "damaged"

    @pytest.mark.parametrize(
        "answer",
        [
            "",
            "not json",
            "[1, 2]",
            '"sheets"',
            "{}",
            '{"sheets": 1}',
            '{"sheets": [{}]}',
            '{"refusal": 1}',
            "[" * 100_000,
        ],
    )
    def test_garbage_is_damage(self, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(confinement, "START", f"print({answer!r})" if len(answer) < 100 else "print('[' * 100_000)")

        with pytest.raises(Refusal) as caught:
            read_workbook(bad.good())

        assert caught.value.rule == "damaged"

    def test_it_inherits_no_secret_and_no_module_of_the_portal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KLIMAKONTRAKT_SECRET_KEY", "hush")
        monkeypatch.setenv("PYTHONPATH", "/nowhere")
        spying = confinement.START.replace(
            "main()",
            "import json, os\nprint(json.dumps({'environment': dict(os.environ), 'modules': list(sys.modules)}))",
        )
        monkeypatch.setattr(confinement, "START", spying)

        seen, _ = confinement.run(bad.good(), LIMITS, task="read")

        assert set(seen["environment"]) <= {"TMPDIR", "LANG", "LC_CTYPE"}
        assert not [name for name in seen["modules"] if name.partition(".")[0] in {"flask", "sqlalchemy", "pysqlite3"}]
        assert {name for name in seen["modules"] if name.startswith("portal.")} <= {
            "portal.errors",
            "portal.text",
            "portal.sheets",
            *(f"portal.sheets.{own}" for own in ("child", "gate", "names", "parts", "refusal", "scan")),
        }

    def test_the_limits_are_set_inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spying = confinement.START.replace(
            "main()",
            "import json, resource\nfrom portal.sheets import child\nfrom portal.sheets.gate import Limits\n"
            "child.confine(Limits(**json.loads(sys.stdin.readline())['limits']))\n"
            "print(json.dumps({name: resource.getrlimit(getattr(resource, name))"
            " for name in ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_CORE')}))",
        )
        monkeypatch.setattr(confinement, "START", spying)

        seen, _ = confinement.run(bad.good(), LIMITS, task="read")

        assert seen == {
            "RLIMIT_AS": [1_000_000_000] * 2,
            "RLIMIT_CPU": [60, 60],
            "RLIMIT_CORE": [0, 0],
        }
        assert resource.getrlimit(resource.RLIMIT_AS)[0] != 1_000_000_000  # and not out here


class TestNumbersAsExcelShowsThem:
    """Number 8: digits beyond the fifteenth are noise of binary arithmetic, or the number is refused."""

    @pytest.mark.parametrize(
        ("stored", "shown"),
        [
            ("1.1000000000000001", "1.1"),
            ("0.30000000000000004", "0.3"),
            ("0.99999999999999989", "1"),
            ("4503.5999999999976", "4503.6"),
            ("1E-3", "0.001"),
            ("9.87654325E8", "987654325"),
            ("123456789012345", "123456789012345"),
            ("100000000000000000000", "100000000000000000000"),
        ],
    )
    def test_noise_is_rounded_away(self, stored: str, shown: str) -> None:
        number = as_excel_shows(stored)

        assert number is not None
        assert f"{number:f}" == shown

    @given(st.decimals(-(10**9), 10**9, places=6))
    def test_whatever_excel_makes_of_a_reported_number_comes_back_as_it_was(self, number: Decimal) -> None:
        stored = f"{float(number):.17g}"

        assert as_excel_shows(stored) == number

    @pytest.mark.parametrize(
        "stored", ["12345678901234567", "10000000000000001", "0.1234567890123456789", "1.00000000000000001"]
    )
    def test_digits_that_would_be_lost_are_not(self, stored: str) -> None:
        assert as_excel_shows(stored) is None


def test_the_scan_stops_at_its_limits_before_the_sheet_ends() -> None:
    part = SheetPart("Ark", replace(LIMITS, rows=2), Budget(10, 10, 10), [], set())
    part.feed(f'<worksheet xmlns="{bad.MAIN}"><sheetData>{bad.row(2, bad.number("A2", "1"))}'.encode())

    with pytest.raises(Refusal) as caught:
        part.feed(bad.row(3, bad.number("A3", "1")).encode())

    assert (caught.value.rule, caught.value.cell) == ("too_many_rows", "A3")


def test_names_of_cells() -> None:
    assert [letters(column) for column in (1, 26, 27, 702, 703, 16_384)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert corners("B2:C7") == (2, 2, 7, 3)
    assert corners("$B$2") == (2, 2, 2, 2)
    assert corners("XFE1") is None
    assert corners("b2") is None


def test_limits_survive_the_way_to_the_child() -> None:
    assert Limits(**json.loads(json.dumps(FOUR_COLUMNS.dump()))) == FOUR_COLUMNS
    assert FOUR_COLUMNS.columns == 14


@pytest.mark.parametrize("words", [*TEXTS.values(), *FAULTS.values(), *NOTES.values()])
def test_every_text_says_the_same_places_in_both_languages(words: Text) -> None:
    def places(words: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(words) if name}

    assert words.nb != words.en
    assert places(words.nb) == places(words.en)
