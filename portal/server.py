"""How the portal is served: waitress, with limits on what one request may weigh and how long it may take to come in.

What the server refuses by itself never reaches the application: it is answered in one plain line, with our headers.
"""

import re
import socket
import time
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask
from waitress.utilities import Error

from portal.web.security import HEADERS

THREADS = 8
SILENCE_SECONDS = 60
"""How long nothing may come from somebody whose request has begun."""
LONGEST_REQUEST_SECONDS = 300
"""How long a whole request may take to come in, however steadily it drips."""
LARGEST_BODY = 100 * 1024 * 1024
"""What is not even received. Of less, the application says on a page of its own that it is too large."""
LARGEST_HEAD = 64 * 1024

_LENGTH = re.compile(rb"^content-length\s*:", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding\s*:", re.IGNORECASE | re.MULTILINE)


class TooSlow(Error):  # type: ignore[misc]
    """The request took too long to come in."""

    code = 408
    reason = "Request Timeout"


class Incoming(HTTPRequestParser):  # type: ignore[misc]
    """A request: given up when it drips for too long, refused when it tells two lengths."""

    longest_seconds = LONGEST_REQUEST_SECONDS

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self._began = time.monotonic()

    def received(self, data: bytes) -> int:
        """Take in the next bytes; returns how many were used."""
        if time.monotonic() - self._began <= self.longest_seconds:
            return int(super().received(data))
        self.error = TooSlow("The request took too long to come in.")
        self.completed, self.empty, self.expect_continue = True, False, False
        return len(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head. A proxy might go by the other of two lengths, and see another request behind this one."""
        if _LENGTH.search(header_plus) and _CHUNKED.search(header_plus):
            raise ParsingError("Both Content-Length and Transfer-Encoding are given.")
        super().parse_header(header_plus)


class Refusal(ErrorTask):  # type: ignore[misc]
    """What the server answers by itself."""

    def execute(self) -> None:
        """Answer it."""
        self.response_headers.extend([*HEADERS.items(), ("Cache-Control", "no-store")])
        super().execute()


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection."""

    parser_class = Incoming
    error_task_class = Refusal


def server_for(app: Flask, door: socket.socket, connections: dict[int, object] | None = None, **more: Any) -> Any:
    """A server of this application on a socket that has its port. Whether a proxy is believed, the application says."""
    server: BaseWSGIServer = create_server(
        app,
        connections,
        sockets=[door],
        **{
            "threads": THREADS,
            "channel_timeout": SILENCE_SECONDS,
            "max_request_body_size": LARGEST_BODY,
            "max_request_header_size": LARGEST_HEAD,
            "clear_untrusted_proxy_headers": False,
            "ident": None,
            **more,
        },
    )
    server.channel_class = Channel
    return server
