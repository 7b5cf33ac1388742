"""The first look at a file from outside: all that can be told without unpacking it. Names inside are never paths."""

import re
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import PurePosixPath

from portal.sheets.parts import ContentTypes, Relationships
from portal.sheets.refusal import refuse
from portal.text import Text

_MEGABYTE = 1_000_000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_SMALL_ENOUGH = 10 * _MEGABYTE
_LARGEST_INDEX = 1 * _MEGABYTE
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_FORMATS = {
    "mimetype": Text("en LibreOffice-fil (.ods)", "a LibreOffice file (.ods)"),
    "word/document.xml": Text("et Word-dokument (.docx)", "a Word document (.docx)"),
    "ppt/presentation.xml": Text("en presentasjon (.pptx)", "a presentation (.pptx)"),
    "xl/workbook.bin": Text("en binær arbeidsbok (.xlsb)", "a binary workbook (.xlsb)"),
}
_MACROS = re.compile(r"vbaproject|xl/macrosheets/")
_OBJECTS = re.compile(r"xl/(embeddings|activex)/|.*oleobject\d*\.bin")
_OTHER = Text("en mal, et tillegg eller en zip-fil", "a template, an add-in or a zip file")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may hold, and what reading it may cost. Bytes, counts and seconds."""

    size: int = 25 * _MEGABYTE
    """Of the file as sent."""
    parts: int = 200
    inflated: int = 400 * _MEGABYTE
    ratio: int = 100
    """Unpacked to packed, once unpacked is more than 10 MB."""
    rows: int = 100_000
    """Highest row number that holds anything, in any sheet."""
    columns: int = 60
    """Highest column number that holds anything; `for_width` narrows it to the template."""
    cells: int = 2_500_000
    """Filled cells in all sheets."""
    blanks: int = 200_000
    """Cells that are formatted but hold nothing; the good files have few, the hostile many."""
    characters: int = 50_000_000
    """Of text, counted in each cell that shows it."""
    memory: int = 1_000_000_000
    """Address space of the child process."""
    cpu_seconds: int = 60
    wall_seconds: int = 90

    def for_width(self, columns: int) -> "Limits":
        """The same limits for a template of so many columns: ten more are allowed, for the user's own notes."""
        return replace(self, columns=columns + 10)

    def dump(self) -> dict[str, int]:
        """As JSON; `Limits(**dumped)` is the way back."""
        return asdict(self)


LIMITS = Limits()


def admit(content: bytes, limits: Limits = LIMITS) -> None:
    """Let a plain .xlsx through or raise `Refusal`. Cheap: reads the directory and three small index parts.

    Passing means only "worth unpacking"; `reader.read_workbook` does the rest in a child process.
    """
    if not content:
        raise refuse("no_rows")
    if len(content) > limits.size:
        raise refuse("too_big", most=limits.size // _MEGABYTE)
    _check_magic(content)
    if content.count(_ENTRY) > limits.parts:  # before zipfile makes an object of each
        raise refuse("too_many_parts", most=limits.parts)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _check_directory(archive, len(content), limits)
            _check_contents(archive)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, zlib.error) as error:
        raise refuse("damaged") from error


def _check_magic(content: bytes) -> None:
    if content.startswith(_OLE):
        raise refuse("password" if "EncryptedPackage".encode("utf-16-le") in content else "old_format")
    if not content.startswith(b"PK\x03\x04"):
        raise refuse("damaged" if content.startswith(b"PK") else "not_excel")


def _check_directory(archive: zipfile.ZipFile, size: int, limits: Limits) -> None:
    entries = archive.infolist()
    if len(entries) > limits.parts:
        raise refuse("too_many_parts", most=limits.parts)
    if not all(_is_plain(entry) for entry in entries):
        raise refuse("part_name")
    if len({entry.filename.casefold() for entry in entries}) < len(entries):
        raise refuse("damaged")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise refuse("part_encrypted")
    if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
        raise refuse("compression")
    inflated = sum(entry.file_size for entry in entries)
    if inflated > limits.inflated or inflated > max(_SMALL_ENOUGH, size * limits.ratio):
        raise refuse("inflated")


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename
    return (
        name == entry.orig_filename  # zipfile cuts a name at NUL
        and name.isprintable()
        and not name.startswith("/")
        and not {"\\", ":"} & set(name)
        and ".." not in PurePosixPath(name).parts
    )


def _check_contents(archive: zipfile.ZipFile) -> None:
    names = {name.casefold(): name for name in archive.namelist()}
    for part, found in _FORMATS.items():
        if part in names:
            raise refuse("other_format", found=found)
    if "[content_types].xml" not in names:
        raise refuse("other_format", found=_OTHER)
    types = ContentTypes.read(_index_part(archive, names["[content_types].xml"]))
    if any(_MACROS.search(name) for name in names) or any("macroenabled" in kind.casefold() for kind in types.values()):
        raise refuse("macros")
    if types.get("/xl/workbook.xml") != _WORKBOOK or "xl/workbook.xml" not in names:
        raise refuse("other_format", found=_OTHER)
    if any(_OBJECTS.match(name) for name in names):
        raise refuse("objects")
    _check_links(archive, names)


def _check_links(archive: zipfile.ZipFile, names: dict[str, str]) -> None:
    outside = [name for name in names if name.startswith("xl/externallinks/")]
    if outside:
        indices = [_index_part(archive, names[name]) for name in outside if name.endswith(".rels")]
        targets = [link.target for index in indices for link in Relationships.read(index).values()]
        raise refuse("external_links", links=", ".join(target[:100] for target in targets[:10]) or "?")


def _index_part(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _LARGEST_INDEX:
        raise refuse("inflated")
    return archive.read(name)
