"""Outgoing mail: one letter to one person, handed to the mail server of the settings. Called by the outbox only."""

import logging
import smtplib
import ssl
import unicodedata
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import NamedTuple, NoReturn
from urllib.parse import unquote, urlsplit

from portal import clock
from portal.config import BadSetting
from portal.errors import Refused, Unavailable
from portal.text import Text

UNAVAILABLE = Text(
    "E-posttjeneren tok ikke imot nå ({reason}). Vi prøver igjen.",
    "The mail server did not take the letter now ({reason}). We will try again.",
)
REFUSED = Text(
    "E-posten kan ikke leveres: {reason}. Kontroller adressen.",
    "The letter cannot be delivered: {reason}. Check the address.",
)
SECONDS_TO_ANSWER = 20
MOST_OF_A_REASON = 300

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_log = logging.getLogger(__name__)


class PostUnavailable(Unavailable):
    """Not now: the server is down, busy or set up wrongly. The same letter may be tried again."""

    def __init__(self, reason: str) -> None:
        super().__init__(UNAVAILABLE.with_values(reason=reason))
        self.reason = reason


class PostRefused(Refused):
    """Never: this recipient or letter is not taken. `reason` is in the server's words, for whoever sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(REFUSED.with_values(reason=reason))
        self.reason = reason


class Message(NamedTuple):
    """A letter in plain words. `message_id` in angle brackets, the same at each attempt, so that doubles are seen."""

    to: str
    subject: str
    body: str
    message_id: str


class Post:
    """The way out for letters.

    `url` is `smtp://host:port` for a relay in the own network, `smtp+starttls://` or `smtps://` with a verified
    certificate otherwise, each with `user:password@` if asked for. With an empty url nothing is sent: the portal keeps
    and shows its letters.
    """

    def __init__(self, url: str, sender: str) -> None:
        self.keeps_mail = not url
        """Whether letters stay in the portal, because no mail server is named."""
        self._url = urlsplit(url)
        self._sender = sender
        self._from = parseaddr(sender)[1]
        if self.keeps_mail:
            return
        if self._url.scheme not in _PORTS or not self._url.hostname:
            raise BadSetting(f"Mail is sent through {', '.join(_PORTS)}://host:port, not {self._url.scheme or url}")
        if self._url.password and self._url.scheme == "smtp" and self._url.hostname not in _LOOPBACK:
            raise BadSetting("A password must not be sent in the clear: use smtp+starttls:// or smtps://")

    def deliver(self, message: Message) -> None:
        """Hand one letter over; when this returns, the server has taken it. Raises PostUnavailable or PostRefused."""
        letter = self._letter(message)
        if self.keeps_mail:
            return
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            _give_up(PostUnavailable(_words(error)), error)
        try:
            server.send_message(letter, from_addr=self._from, to_addrs=[letter["To"].addresses[0].addr_spec])
        except smtplib.SMTPRecipientsRefused as error:
            [(code, answer)] = error.recipients.values()
            _give_up(_refusal(code, answer), error)
        except smtplib.SMTPDataError as error:
            _give_up(_refusal(error.smtp_code, error.smtp_error), error)
        except smtplib.SMTPNotSupportedError as error:
            _give_up(PostRefused(_words(error)), error)
        except (OSError, smtplib.SMTPException) as error:
            _give_up(PostUnavailable(_words(error)), error)
        finally:
            # Whether the farewell is heard is no matter: the letter has been taken, or not, before.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _letter(self, message: Message) -> EmailMessage:
        for header in (message.to, message.subject, message.message_id):
            if any(unicodedata.category(sign) in {"Cc", "Zl", "Zp"} for sign in header):
                raise PostRefused("a line break or control character in an address or subject")
        try:
            written = Address(addr_spec=message.to)
            address = Address(username=written.username, domain=written.domain.encode("idna").decode())
        except (HeaderParseError, ValueError, IndexError) as error:
            raise PostRefused(f"“{message.to}” is not one address") from error
        letter = EmailMessage(policy=SMTP)
        letter["From"] = self._sender
        letter["To"] = address
        letter["Subject"] = message.subject
        letter["Date"] = format_datetime(clock.now())
        letter["Message-ID"] = message.message_id
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.body, charset="utf-8", cte="quoted-printable")
        return letter

    def _connected(self) -> smtplib.SMTP:
        scheme, host = self._url.scheme, self._url.hostname or ""
        port = self._url.port or _PORTS[scheme]
        # Named by the sender's domain: asking the network for the machine's own name may take long.
        name = self._from.rpartition("@")[2] or None
        server: smtplib.SMTP
        if scheme == "smtps":
            trusted = ssl.create_default_context()
            server = smtplib.SMTP_SSL(host, port, name, timeout=SECONDS_TO_ANSWER, context=trusted)
        else:
            server = smtplib.SMTP(host, port, name, timeout=SECONDS_TO_ANSWER)
        try:
            if scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except BaseException:
            server.close()
            raise
        return server


def _refusal(code: int, answer: bytes | str) -> PostUnavailable | PostRefused:
    """Four hundred and something is for now (a full box, greylisting), five hundred is for good."""
    words = _tidy(f"{code} {answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer}")
    return PostRefused(words) if code >= 500 else PostUnavailable(words)  # noqa: PLR2004 - RFC 5321


def _give_up(trouble: PostUnavailable | PostRefused, error: Exception) -> NoReturn:
    _log.warning("A letter was not delivered: %s", trouble.reason)
    raise trouble from error


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        return _tidy(f"{error.smtp_code} {answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer}")
    return _tidy(str(error) or type(error).__name__)


def _tidy(words: str) -> str:
    """One line of printable words, whatever the server wrote."""
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    return " ".join(plain.split())[:MOST_OF_A_REASON]
