"""A mail server on loopback that says what it is told to say, and keeps what it is given."""

import email
import email.policy
import socketserver
from email.message import EmailMessage


class Clerk(socketserver.StreamRequestHandler):
    """One conversation in SMTP. What it answers is in the server's `answers`, by the first word that it hears."""

    server: "MailServer"

    def handle(self) -> None:
        self._say(self.server.answers.get("HELLO", "220 mail.example"))
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            self.server.heard.append(line)
            if word == "QUIT" and self.server.hangs_up_on_quit:
                return
            self._say(self.server.answers.get(word, "250 OK"))
            if word == "DATA" and self.server.answers["DATA"].startswith("354"):
                self._take()
            if word == "QUIT":
                return

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        answer = self.server.answers.get("END", "250 taken")
        if answer.startswith("250"):
            self.server.taken.append(b"".join(lines))
        self._say(answer)

    def _say(self, answer: str) -> None:
        self.wfile.write(answer.encode() + b"\r\n")


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    hangs_up_on_quit = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Clerk)
        self.answers = {
            "EHLO": "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "DATA": "354 go on",
            "QUIT": "221 bye",
            "AUTH": "235 welcome",
        }
        self.heard: list[str] = []
        self.taken: list[bytes] = []

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def letter(self) -> EmailMessage:
        [content] = self.taken
        letter = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        return letter
