"""A small Enhetsregisteret on a loopback port, that speaks the register's JSON and can fall ill."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/enhetsregisteret/api/enheter/"


@dataclass
class RegisterServer:
    """What it answers by number: a status and a body; and what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    seconds: float = 0
    """How long it thinks."""

    def knows(self, number: str, name: str, **signs: object) -> None:
        """A unit as the register tells of it."""
        said = {"organisasjonsnummer": number, "navn": name, "organisasjonsform": {"kode": "AS"}, **signs}
        self.answers[number] = (200, json.dumps(said).encode())


@contextmanager
def register_server() -> Iterator[RegisterServer]:
    """Serves until the block ends."""
    register = RegisterServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = self.path.removeprefix(PATH)
            register.asked.append(number)
            time.sleep(register.seconds)
            status, body = register.answers.get(number, (404, b'{"status":404,"error":"Not Found"}'))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    register.url = f"http://127.0.0.1:{server.server_port}/enhetsregisteret/api"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield register
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
