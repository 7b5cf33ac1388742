"""Makes every bad Excel file that the portal must answer for, as bytes; numbered as in the list of bad inputs.

A workbook starts as plain XML parts, so that each fault can be put exactly where a hostile or broken program would.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import NamedTuple
from xml.sax.saxutils import escape

from portal.sheets.names import letters

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_ML = "application/vnd.openxmlformats-officedocument.spreadsheetml"
DATE_STYLE, TIME_STYLE, PERCENT_STYLE = 1, 2, 3
OLE_HEAD = bytes.fromhex("d0cf11e0a1b11ae1")


def text(reference: str, words: str) -> str:
    """A cell with a text of its own."""
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(words)}</t></is></c>'


def number(reference: str, written: str, style: int = 0) -> str:
    """A number cell, its text as given."""
    return f'<c r="{reference}" s="{style}"><v>{written}</v></c>'


def row(place: int, *cells: str, more: str = "") -> str:
    """A row; `more` is attributes."""
    return f'<row r="{place}" {more}>{"".join(cells)}</row>'


def sheet(*rows: str, before: str = "", after: str = "") -> str:
    """A sheet's XML."""
    return f'{DECLARATION}<worksheet xmlns="{MAIN}">{before}<sheetData>{"".join(rows)}</sheetData>{after}</worksheet>'


HEADINGS = ("Maskin", "Driftstimer", "Dato", "Merknad")
HEADER = row(1, *(text(f"{letter}1", words) for letter, words in zip("ABCD", HEADINGS, strict=True)))
GOOD_ROW = row(2, text("A2", "Graver 1"), number("B2", "7.5"))
GOOD_SHEET = sheet(HEADER, GOOD_ROW)


_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
    'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
    f'ContentType="{_SHEET_ML}.sheet.main+xml"/></Types>'
)
_ROOT = (
    f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="165" formatCode="0.0%"/></numFmts>'
    '<fonts count="1"><font/></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/>'
    '<xf numFmtId="20"/><xf numFmtId="165"/></cellXfs></styleSheet>'
)
_SHARED_LINKS = (
    f'<Relationship Id="rId8" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'
    f'<Relationship Id="rId9" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
)


def parts(
    *sheets: str,
    names: tuple[str, ...] = ("Maskiner", "Ark2", "Ark3"),
    states: tuple[str, ...] = ("visible",) * 3,
    shared: str = "",
    properties: str = "",
) -> dict[str, bytes]:
    """The parts of a plain workbook with the given sheets, by name."""
    sheets = sheets or (GOOD_SHEET,)
    listed = links = ""
    for place in range(1, len(sheets) + 1):
        named = f'name="{names[place - 1]}" sheetId="{place}" state="{states[place - 1]}" r:id="rId{place}"'
        listed += f"<sheet {named}/>"
        links += f'<Relationship Id="rId{place}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{place}.xml"/>'
    made = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_RELATIONS}"><workbookPr {properties}/>'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}{_SHARED_LINKS}'
        "</Relationships>",
        "xl/styles.xml": _STYLES,
    }
    if shared:
        made["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{shared}</sst>'
    made |= {f"xl/worksheets/sheet{place}.xml": xml for place, xml in enumerate(sheets, start=1)}
    return {name: (xml if xml.startswith("<?xml") else DECLARATION + xml).encode() for name, xml in made.items()}


def zipped(contents: Mapping[str, bytes], level: int = 6) -> bytes:
    """Parts as a file."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return packed.getvalue()


def workbook(*sheets: str) -> bytes:
    """A workbook of these sheets' XML."""
    return zipped(parts(*sheets))


def good(more: Mapping[str, bytes] | None = None) -> bytes:
    """A workbook that is taken, with parts added or replaced."""
    return zipped(parts() | dict(more or {}))


def raw_entries(entries: list[tuple[str, bytes]], *, flag: int = 0, method: int = 0, wrong: str = "") -> bytes:
    """A zip written by hand, with names, flags and methods that no library writes; `wrong` has a bad checksum."""
    body, directory = bytearray(), bytearray()
    for name, content in entries:
        checksum, size, named = zlib.crc32(content) ^ (name == wrong), len(content), name.encode()
        common = struct.pack("<HHHHHIIIHH", 20, flag | 0x800, method, 0, 33, checksum, size, size, len(named), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + named
        body += b"PK\x03\x04" + common + named + content
    count = min(len(entries), 0xFFFF)
    return (
        bytes(body + directory)
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    )


class BadFile(NamedTuple):
    """A file that must be refused: its number in the list, what it is, the rule that refuses it, and how to make it."""

    number: int
    what: str
    rule: str
    make: Callable[[], bytes]


def refused() -> Iterator[BadFile]:
    """Every file that the portal must turn away as a whole."""
    yield from _not_plain_workbooks()
    yield from _reaching_too_far()
    yield from _damaged()
    yield from _with_doctype()
    yield from _bad_zips()


def _not_plain_workbooks() -> Iterator[BadFile]:
    macro = _TYPES.replace("openxmlformats-officedocument.spreadsheetml.sheet.main", "ms-excel.sheet.macroEnabled.main")
    template = _TYPES.replace("sheet.main+xml", "template.main+xml")
    link = (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_RELATIONS}/externalLinkPath" '
        'Target="file:///X:/lager.xlsx" TargetMode="External"/></Relationships>'
    )
    outside = {
        "xl/externalLinks/externalLink1.xml": f'<externalLink xmlns="{MAIN}"/>'.encode(),
        "xl/externalLinks/_rels/externalLink1.xml.rels": link.encode(),
    }
    ods = {"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}
    docx = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<a/>"}
    yield BadFile(14, "xlsm by its type", "macros", lambda: good({"[Content_Types].xml": macro.encode()}))
    yield BadFile(14, "vbaProject.bin in an .xlsx", "macros", lambda: good({"xl/vbaProject.bin": OLE_HEAD}))
    yield BadFile(14, "a sheet of old macros", "macros", lambda: good({"xl/macrosheets/sheet1.xml": b"<a/>"}))
    yield BadFile(14, "OLE object", "objects", lambda: good({"xl/embeddings/oleObject1.bin": OLE_HEAD}))
    yield BadFile(14, "ActiveX", "objects", lambda: good({"xl/activeX/activeX1.xml": b"<a/>"}))
    yield BadFile(24, "external link", "external_links", lambda: good(outside))
    yield BadFile(25, "password", "password", lambda: OLE_HEAD + bytes(500) + "EncryptedPackage".encode("utf-16-le"))
    yield BadFile(25, "old .xls", "old_format", lambda: OLE_HEAD + bytes(500) + "Workbook".encode("utf-16-le"))
    yield BadFile(26, ".ods", "other_format", lambda: zipped(ods))
    yield BadFile(26, ".docx", "other_format", lambda: zipped(docx))
    yield BadFile(26, ".xlsb", "other_format", lambda: good({"xl/workbook.bin": b"\x83\x01"}))
    yield BadFile(26, "Excel template", "other_format", lambda: good({"[Content_Types].xml": template.encode()}))
    yield BadFile(26, "any zip", "other_format", lambda: zipped({"les meg.txt": b"hei"}))
    yield BadFile(26, "html", "not_excel", lambda: b"<html><table><tr><td>1</td></tr></table></html>")
    yield BadFile(26, "svg", "not_excel", lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    yield BadFile(33, "html before the zip", "not_excel", lambda: b"<html></html>" + good())
    yield BadFile(46, "empty file", "no_rows", lambda: b"")


def _reaching_too_far() -> Iterator[BadFile]:
    yield BadFile(15, "10,000 columns", "too_many_columns", lambda: _area(1, 10_000, "<v>1</v>"))
    yield BadFile(16, "16,384 x 40 cells", "too_many_columns", lambda: _area(40, 16_384, "<v>1</v>"))
    yield BadFile(16, "16,384 x 40 formatted blanks", "too_many_cells", lambda: _area(40, 16_384, ""))
    yield BadFile(17, "two corners, XFD1048576", "too_many_rows", lambda: _corner(1_048_576, "XFD1048576"))
    yield BadFile(17, "the last row", "too_many_rows", lambda: _corner(1_048_576, "A1048576"))
    yield BadFile(17, "the last column", "too_many_columns", lambda: _corner(2, "XFD2"))
    yield BadFile(38, "one long text shown 3,000 times", "too_much_text", _long_text_often)


def _area(rows: int, columns: int, content: str) -> bytes:
    names = [letters(column) for column in range(1, columns + 1)]
    places = range(1, rows + 1)
    return workbook(sheet(*(row(at, *(f'<c r="{name}{at}" s="1">{content}</c>' for name in names)) for at in places)))


def _corner(place: int, reference: str) -> bytes:
    return workbook(sheet(row(1, number("A1", "1")), row(place, number(reference, "1"))))


def _long_text_often() -> bytes:
    often = sheet(*(row(place, f'<c r="A{place}" t="s"><v>0</v></c>') for place in range(1, 3000)))
    return zipped(parts(often, shared=f"<si><t>{'å' * 30_000}</t></si>"))


def _damaged() -> Iterator[BadFile]:
    def of(what: str, *rows: str, shared: str = "", point: int = 19) -> BadFile:
        return BadFile(point, what, "damaged", lambda: zipped(parts(sheet(*rows), shared=shared)))

    shown = row(1, '<c r="A1" t="s"><v>7</v></c>')
    hidden = '<x:c xmlns:x="urn:x" r="B1"><v>5</v></x:c>'
    without = {name: content for name, content in parts().items() if name != "xl/worksheets/sheet1.xml"}
    broken = {"xl/worksheets/sheet1.xml": GOOD_SHEET.encode()[:-20]}
    yield of("row numbers go back", row(5, number("A5", "5")), row(2, number("A2", "2")))
    yield of("same row twice", GOOD_ROW, GOOD_ROW)
    yield of("cell twice", row(1, number("A1", "1"), number("A1", "2")))
    yield of("cell past XFD", row(1, number("XFE1", "1")))
    yield of("row past the last", row(1_048_577, number("A1048577", "1")))
    yield of("cell says another row", row(1, number("A9", "1")))
    yield of("shared text out of range", shown, shared="<si><t>hei</t></si>", point=35)
    yield of("shared text without a table", shown, point=35)
    yield of("boolean that is none", row(1, '<c r="A1" t="b"><v>7</v></c>'), point=35)
    yield of("a cell that one reader sees and one does not", row(1, number("A1", "1"), hidden), point=35)
    yield BadFile(35, "XML that breaks off", "damaged", lambda: good(broken))
    yield BadFile(35, "a sheet that is not there", "damaged", lambda: zipped(without))


def _with_doctype() -> Iterator[BadFile]:
    def of(what: str, part: str, content: bytes) -> BadFile:
        return BadFile(34, what, "doctype", lambda: good({part: content}))

    first = "xl/worksheets/sheet1.xml"
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    outside = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    bomb = GOOD_SHEET.replace(DECLARATION, DECLARATION + entities)
    leak = GOOD_SHEET.replace(DECLARATION, DECLARATION + outside).replace("7.5", "&f;")
    yield of("entity bomb", first, bomb.encode())
    yield of("entity bomb in UTF-16", first, bomb.replace("UTF-8", "UTF-16").encode("utf-16"))
    yield of("external entity", first, leak.encode())
    yield of("DOCTYPE in a part nobody reads", "docProps/app.xml", b"<!DOCTYPE x><x/>")
    yield of("DOCTYPE in a drawing", "xl/drawings/vmlDrawing1.vml", b"<!doctype x><xml/>")


def _bad_zips() -> Iterator[BadFile]:
    contents = list(parts().items())
    first = "xl/worksheets/sheet1.xml"

    def of(point: int, what: str, rule: str, *more: tuple[str, bytes], flag: int = 0, method: int = 0) -> BadFile:
        return BadFile(point, what, rule, lambda: raw_entries([*contents, *more], flag=flag, method=method))

    yield BadFile(27, "truncated", "damaged", lambda: good()[: len(good()) // 2])
    yield BadFile(27, "truncated in the directory", "damaged", lambda: good()[:-30])
    yield BadFile(27, "only a head", "damaged", lambda: b"PK\x03\x04")
    yield BadFile(27, "wrong checksum of the sheet", "damaged", lambda: raw_entries(contents, wrong=first))
    yield BadFile(27, "wrong checksum of an index", "damaged", lambda: raw_entries(contents, wrong=contents[0][0]))
    yield of(28, "encrypted entry", "part_encrypted", flag=1)
    yield of(28, "unknown compression", "compression", method=93)
    yield BadFile(29, "a file that becomes 200 MB", "inflated", _bomb)
    yield BadFile(29, "declared size is a lie", "damaged", _liar)
    yield of(30, "70,000 entries", "too_many_parts", *((f"x{place}", b"") for place in range(70_000)))
    yield of(31, "same entry twice", "damaged", contents[-1])
    yield of(31, "same entry twice but for case", "damaged", ("XL/Workbook.xml", b"<a/>"))
    for name in ("../../x.xml", "/etc/x.xml", "xl\\..\\x.xml", "xl/../x.xml", "C:x.xml", "x\0.xml", "x\u202e.xml"):
        yield of(32, f"entry named {name!r}", "part_name", (name, b"<a/>"))


def _bomb() -> bytes:
    return zipped(parts() | {"xl/worksheets/sheet1.xml": GOOD_SHEET.encode() + b" " * 200_000_000}, level=1)


def _liar() -> bytes:
    content = b"<a>" + b" " * 5_000_000 + b"</a>"
    honest = good({"xl/theme/theme1.xml": content})
    return honest.replace(struct.pack("<I", len(content)), struct.pack("<I", 70))
