"""Looking for malware in what is handed in: a clamd of the operator's, asked before anything is kept."""

import logging
import socket
from contextlib import closing
from typing import BinaryIO
from urllib.parse import urlsplit

from portal.config import BadSetting
from portal.errors import Refused, Unavailable
from portal.text import Text

MALWARE = Text(
    "Filen inneholder skadelig programvare og ble ikke tatt imot. Ingenting ble lagret. "
    "Få den kontrollert før du sender den til noen.",
    "The file holds malware and was not accepted. Nothing was stored. Have it looked at before you send it to anybody.",
)
NOT_LOOKED_AT = Text(
    "Filen kunne ikke undersøkes for skadelig programvare nå, og ingenting ble lagret. Prøv igjen om litt.",
    "The file could not be searched for malware just now and nothing was stored. Please try again in a moment.",
)
SECONDS = 20
LONGEST_ANSWER = 4096
USUAL_PORT = 3310

_CHUNK = 256 * 1024
_log = logging.getLogger(__name__)


class Scanner:
    """The scanner at `clamd://host:port` or `clamd:///path/of/socket`; with an empty url nothing is looked at."""

    def __init__(self, url: str) -> None:
        self.is_there = bool(url)
        self._url = urlsplit(url)
        if url and (self._url.scheme != "clamd" or not (self._url.hostname or self._url.path)):
            raise BadSetting("A scanner is named by clamd://host:port or clamd:///path/of/socket")

    def look(self, file: BinaryIO) -> None:
        """Read the file to its end and back. Raises Refused for malware, Unavailable when nobody could tell."""
        if not self.is_there:
            return
        answer = self._asked(b"INSTREAM", file)
        file.seek(0)
        if answer.endswith(" FOUND"):
            _log.warning("A file was refused: %s", answer)
            raise Refused(MALWARE)
        if not answer.endswith(" OK"):
            _log.error("The scanner did not look at a file: %s", answer)
            raise Unavailable(NOT_LOOKED_AT)

    def try_out(self) -> None:
        """Ask whether it is there. Raises Unavailable."""
        if self.is_there and self._asked(b"PING") != "PONG":
            raise Unavailable(NOT_LOOKED_AT)

    def _asked(self, command: bytes, file: BinaryIO | None = None) -> str:
        try:
            with closing(self._connected()) as connection:
                connection.sendall(b"z" + command + b"\0")
                while file is not None and (piece := file.read(_CHUNK)):
                    connection.sendall(len(piece).to_bytes(4, "big") + piece)
                if file is not None:
                    connection.sendall(bytes(4))
                return _answer(connection)
        except OSError as trouble:
            _log.error("The scanner does not answer: %s", type(trouble).__name__)
            raise Unavailable(NOT_LOOKED_AT) from trouble

    def _connected(self) -> socket.socket:
        if self._url.hostname:
            return socket.create_connection((self._url.hostname, self._url.port or USUAL_PORT), timeout=SECONDS)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(SECONDS)
        try:
            connection.connect(self._url.path)
        except OSError:
            connection.close()
            raise
        return connection


def _answer(connection: socket.socket) -> str:
    found = b""
    while not found.endswith(b"\0") and len(found) < LONGEST_ANSWER and (more := connection.recv(LONGEST_ANSWER)):
        found += more
    return found.rstrip(b"\0").decode(errors="replace").strip()
