"""The small XML parts of a workbook, read as a stream. A DOCTYPE or broken XML in any part refuses the file."""

import re
from typing import NamedTuple, Self
from xml.parsers import expat

from portal.sheets.refusal import refuse

_BUILT_IN_PERCENT = {"9", "10"}
_ESCAPED_SPACE = re.compile(r"_x00(09|0a|0d|20)_", re.IGNORECASE)


class Part:
    """One XML part. Feed it pieces; subclasses pick up what they need. Any XML that only must be sound is a Part."""

    def __init__(self) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self.started
        parser.EndElementHandler = self.ended
        parser.CharacterDataHandler = self.said
        self._parser = parser

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        """Take the next piece of the part. Raises `Refusal`: damaged, doctype."""
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise refuse("damaged") from error

    @classmethod
    def read(cls, content: bytes) -> Self:
        """A part that is at hand in one piece."""
        part = cls()
        part.feed(content, last=True)
        return part

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; `name` is its namespace, a space, its local name."""

    def ended(self, name: str) -> None:
        """An element ends."""

    def said(self, text: str) -> None:
        """Text between tags."""

    def _refuse_doctype(self, *_declared: object) -> None:
        raise refuse("doctype")


def local(name: str) -> str:
    """The local name of an element or attribute."""
    return name.rpartition(" ")[2]


class ContentTypes(Part, dict[str, str]):
    """Part name (with a leading slash, as written) or extension -> content type."""

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Collect one default or override."""
        if local(name) in {"Default", "Override"}:
            key = attributes.get("PartName") or attributes.get("Extension", "")
            self[key.casefold()] = attributes.get("ContentType", "")


class Relationship(NamedTuple):
    """Where an id of a part leads: the last word of its type, and the target as written."""

    kind: str
    target: str


class Relationships(Part, dict[str, Relationship]):
    """Relationship id -> relationship."""

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Collect one relationship."""
        if local(name) == "Relationship":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self[attributes.get("Id", "")] = Relationship(kind, attributes.get("Target", ""))


class WorkbookPart(Part):
    """The list of sheets and the date system."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: dict[str, str] = {}
        """Sheet name -> relationship id, in order."""
        self.dates_from_1904 = False

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Collect one sheet, or the date system."""
        match local(name):
            case "sheet":
                title = attributes.get("name", "")
                if title in self.sheets:
                    raise refuse("damaged")
                self.sheets[title] = next((value for key, value in attributes.items() if local(key) == "id"), "")
            case "workbookPr":
                self.dates_from_1904 = attributes.get("date1904") in {"1", "true"}


class Styles(Part):
    """Which cell styles show a number as percent."""

    def __init__(self) -> None:
        super().__init__()
        self.percent: set[str] = set()
        """Numbers of cell styles, as the `s` of a cell names them."""
        self._formats = set(_BUILT_IN_PERCENT)
        self._inside = False
        self._count = 0

    def started(self, name: str, attributes: dict[str, str]) -> None:
        """Collect a number format, then the styles that use it."""
        match local(name):
            case "numFmt" if "%" in attributes.get("formatCode", ""):
                self._formats.add(attributes.get("numFmtId", ""))
            case "cellXfs":
                self._inside = True
            case "xf" if self._inside:
                if attributes.get("numFmtId") in self._formats:
                    self.percent.add(str(self._count))
                self._count += 1

    def ended(self, name: str) -> None:
        """Leave the list of cell styles."""
        if local(name) == "cellXfs":
            self._inside = False


class SharedStrings(Part):
    """How long each shared text is; the texts themselves are left to the reader."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[int] = []
        self._pieces: list[str] = []
        self._speaking = self._phonetic = False

    def started(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - the shape is the parser's
        """Begin a text or one of its runs; phonetic runs are no part of it."""
        match local(name):
            case "si":
                self._pieces.clear()
            case "rPh":
                self._phonetic = True
            case "t":
                self._speaking = not self._phonetic

    def ended(self, name: str) -> None:
        """End a run, or measure the text."""
        match local(name):
            case "si":
                self.lengths.append(length("".join(self._pieces)))
            case "rPh":
                self._phonetic = False
            case "t":
                self._speaking = False

    def said(self, text: str) -> None:
        """Collect one text."""
        if self._speaking:
            self._pieces.append(text)


def length(text: str) -> int:
    """Characters in a text, 0 when it is blank. Excel writes control characters as _x000D_."""
    blank = not text.strip() or (text.startswith("_x") and not _ESCAPED_SPACE.sub("", text).strip())
    return 0 if blank else len(text)
