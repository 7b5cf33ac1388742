"""Evidence: files kept under the hash of their content, in a folder or in any S3, and what may be one.

Write the object first and commit the row that names it afterwards; what no row came to name is swept later. The
library runs threads of its own: a process that has used a store must not fork and go on (spawn or exec is fine).
"""

import hashlib
import io
import logging
import os
import re
import unicodedata
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from portal import clock
from portal.config import BadSetting
from portal.errors import NotFound, Unavailable
from portal.text import Text

NOT_STORED = Text(
    "Filen kunne ikke lagres, og ingenting ble lagret. Prøv igjen om litt.",
    "The file could not be kept and nothing was stored. Please try again in a moment.",
)
OUT_OF_REACH = Text(
    "Fillageret svarer ikke. Prøv igjen om litt. Ingenting ble endret.",
    "The file store does not answer. Please try again in a moment. Nothing was changed.",
)
GONE = Text("Filen finnes ikke i fillageret.", "The file is not in the file store.")
DAMAGED = Text(
    "Filen er ikke lenger slik den ble levert. Si fra til den som driver portalen.",
    "The file is no longer as it was handed in. Please tell whoever runs the portal.",
)

FRESH = timedelta(hours=1)
"""How old an object may be and still be counted on when the same content is handed in again."""
LONGEST_NAME = 120
MOST_PARTS = 2000

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
CSV = "text/csv"
TXT = "text/plain"
SUFFIXES: Mapping[str, str] = {
    ".pdf": PDF,
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".xlsx": XLSX,
    ".docx": DOCX,
    ".csv": CSV,
    ".txt": TXT,
}
"""What evidence may be called, and what it must then be."""

_CHUNK = 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")
_log = logging.getLogger(__name__)


Look = Callable[[BinaryIO], None]
"""Reads a file before it is kept, puts it back to its start, and raises what is to be said when it must not be."""


class StoredFile(NamedTuple):
    """What the row has to remember: the SHA-256 of the content in hexadecimal, and its size in bytes."""

    sha256: str
    size: int


class Store:
    """Files by the hash of their content, at `file:///…` or `s3://bucket/prefix` (with the usual AWS_* settings).

    Everything raises Unavailable when the disk is full or the store does not answer.
    """

    def __init__(self, url: str, look: Look = lambda _file: None) -> None:
        self._look = look
        self._folder = Path(url.removeprefix("file://")) if url.startswith("file:///") else None
        if self._folder is None and not url.startswith("s3://"):
            raise BadSetting(f"Files can be kept at file:///… or s3://…, not at {url}")
        self._objects = _local(self._folder) if self._folder else _remote(url)

    def put(self, content: bytes | BinaryIO) -> StoredFile:
        """Keep the content; the same content twice is kept once. When this returns, it is on the disk.

        Whoever `look`s at files may refuse it first.
        """
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        self._look(file)
        stored = _measured(file)
        key = _key(stored.sha256)
        try:
            try:
                obstore.put(self._objects, key, file, mode="create")
            except AlreadyExistsError:
                self._renew(key, file, stored.size)
            self._flush(key)
        except (BaseError, OSError) as error:
            raise _unavailable(NOT_STORED, error) from error
        return stored

    def get(self, sha256: str) -> bytes:
        """The whole content, exactly as it was put. Raises NotFound."""
        return b"".join(self.stream(sha256))

    def stream(self, sha256: str) -> Iterator[bytes]:
        """The content in pieces of about a megabyte. Raises NotFound here, and Unavailable at the end when damaged."""
        try:
            found = obstore.get(self._objects, _key(sha256))
        except FileNotFoundError:
            raise NotFound(GONE) from None
        except (BaseError, OSError) as error:
            raise _unavailable(OUT_OF_REACH, error) from error
        return self._verified(found, sha256)

    def exists(self, sha256: str) -> bool:
        """Whether the content is kept."""
        try:
            obstore.head(self._objects, _key(sha256))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise _unavailable(OUT_OF_REACH, error) from error
        return True

    def sweep(self, keep: Iterable[str], older_than: timedelta = timedelta(days=1)) -> int:
        """Delete what is in no row (`keep` has the hashes of all rows) and was put longer ago; returns how many.

        `older_than` must be well beyond FRESH: what was put a moment ago may be named by a row a moment later.
        """
        if older_than <= FRESH:
            raise ValueError(f"Files younger than {FRESH} may be about to get their row")
        kept, limit = frozenset(keep), clock.now() - older_than
        try:
            orphans = [
                found["path"]
                for page in obstore.list(self._objects, chunk_size=1000)
                for found in page
                if (named := _KEY.fullmatch(found["path"])) and named[1] not in kept and found["last_modified"] < limit
            ]
            if orphans:
                obstore.delete(self._objects, orphans)
        except (BaseError, OSError) as error:
            raise _unavailable(OUT_OF_REACH, error) from error
        return len(orphans)

    def try_out(self) -> None:
        """Put a small object, look for it and delete it, so that whoever asks knows before anybody hands in a file."""
        key = f"tried-out/{uuid.uuid4()}"
        try:
            obstore.put(self._objects, key, b"tried out")
            obstore.head(self._objects, key)
            obstore.delete(self._objects, key)
        except (BaseError, OSError) as error:
            raise _unavailable(NOT_STORED, error) from error

    def _renew(self, key: str, file: BinaryIO, size: int) -> None:
        """Write again what a sweep might be about to delete, or what a power cut left short."""
        known = obstore.head(self._objects, key)
        if known["size"] != size or clock.now() - known["last_modified"] > FRESH:
            file.seek(0)
            obstore.put(self._objects, key, file, mode="overwrite", use_multipart=False)

    def _flush(self, key: str) -> None:
        """Wait for the disk, which the library does not: the row must not outlive its file in a power cut."""
        if self._folder is None:
            return
        for path in (self._folder / key, (self._folder / key).parent, self._folder):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _verified(self, found: "obstore.GetResult", sha256: str) -> Iterator[bytes]:
        digest = hashlib.sha256()
        try:
            for piece in found.stream(min_chunk_size=_CHUNK):
                digest.update(piece)
                yield bytes(piece)
        except (BaseError, OSError) as error:
            raise _unavailable(OUT_OF_REACH, error) from error
        if digest.hexdigest() != sha256:
            _log.error("The content stored under %s has another hash", sha256)
            raise Unavailable(DAMAGED)


def media_type(content: bytes, name: str) -> str | None:
    """What the content is, when that is allowed as evidence and its name says the same; None to refuse it.

    Told by the content: HTML, SVG, programs, macros and archives are refused whatever they are called.
    """
    claimed = SUFFIXES.get(PurePath(name).suffix.lower())
    if content.startswith(b"%PDF-"):
        found = {PDF}
    elif content.startswith(b"\x89PNG\r\n\x1a\n"):
        found = {PNG}
    elif content.startswith(b"\xff\xd8\xff"):
        found = {JPEG}
    elif content.startswith(b"PK\x03\x04"):
        found = _office(content)
    else:
        found = {CSV, TXT} if _is_text(content) else set()
    return claimed if claimed in found else None


def clean_name(name: str) -> str:
    """A file's name that is safe to show, store and send: no path, no control or direction characters, not long."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(" " if sign.isspace() else sign for sign in last if unicodedata.category(sign)[0] != "C")
    tidy = re.sub(r'[<>:"|?*]', "_", " ".join(visible.split())).strip(". ")
    path = PurePath(tidy)
    suffix = path.suffix if len(path.suffix) <= len(".jpeg") else ""
    return (tidy.removesuffix(suffix)[: LONGEST_NAME - len(suffix)].rstrip(". ") + suffix) or "file"


def _local(folder: Path) -> LocalStore:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(folder)
    except OSError as error:
        raise _unavailable(OUT_OF_REACH, error) from error


def _remote(url: str) -> S3Store:
    """A person waits for the answer, so the library's three minutes of trying are cut down."""
    return S3Store.from_url(
        url,
        client_options={
            "connect_timeout": timedelta(seconds=3),
            "timeout": timedelta(seconds=30),
            # Given any option, the library no longer reads this one from the environment itself.
            "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
    )


def _measured(file: BinaryIO) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_CHUNK):
        digest.update(piece)
        size += len(piece)
    file.seek(0)
    return StoredFile(digest.hexdigest(), size)


def _key(sha256: str) -> str:
    if not _HASH.fullmatch(sha256):
        raise NotFound(GONE)
    return f"{sha256[:2]}/{sha256}"


def _unavailable(text: Text, error: Exception) -> Unavailable:
    _log.error("The file store failed: %s", str(error).partition("\n")[0])
    return Unavailable(text)


def _office(content: bytes) -> set[str]:
    """A workbook or document without macros, told by the parts of the archive."""
    if content.count(b"PK\x01\x02") > MOST_PARTS:
        return set()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return set()
    if "[Content_Types].xml" not in parts or any(part.lower().endswith("vbaproject.bin") for part in parts):
        return set()
    return {kind for kind, part in ((XLSX, "xl/workbook.xml"), (DOCX, "word/document.xml")) if part in parts}


def _is_text(content: bytes) -> bool:
    """Words that a person can read: no control characters, and not the start of a page, a drawing or a script."""
    if not content:
        return False
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        readable = not re.search(r"[\x00-\x08\x0b\x0e-\x1f\x7f]", text)
        return readable and not text.lstrip().startswith(("<", "#!", "{\\rtf", "%!PS"))
    return False
