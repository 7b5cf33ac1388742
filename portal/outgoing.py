"""Outgoing calls: the one client for whatever the portal asks of others over HTTP.

An address may have been chosen by somebody who wishes to look behind our walls. So a name is resolved once, each of its
addresses must be one that the whole world can reach, and the connection is made to the address that was looked at.
"""

import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpx

from portal.config import BadSetting
from portal.errors import Unavailable
from portal.text import Text

NO_ANSWER = Text(
    "En tjeneste som portalen spør, svarte ikke som den skulle. Prøv igjen om litt.",
    "A service that the portal asks did not answer as it should. Please try again in a moment.",
)
SECONDS = 5.0
"""How long a whole call may take, from the name to the last byte."""
MOST_BYTES = 1024 * 1024

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Iterable[str]]

_TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 addresses as networks with only IPv6 write them."""
_log = logging.getLogger(__name__)


class CallFailed(Unavailable):
    """The call was refused or failed; `reason` is for the log and names nothing of what was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(NO_ANSWER)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Answer:
    """What came back, of whatever status except a redirect."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises CallFailed when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as wrong:
            raise CallFailed("The answer is no JSON.") from wrong


def addresses_of(host: str, port: int) -> list[str]:
    """What a name stands for now, as the system's resolver says it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Outgoing:
    """Calls that stay outside: https to public addresses, without redirects, SECONDS and MOST_BYTES at most.

    `allowed` are addresses and networks of our own that may be called nevertheless, over plain http too.
    """

    def __init__(self, allowed: Iterable[str] = (), resolve: Resolve = addresses_of, seconds: float = SECONDS) -> None:
        try:
            self._allowed = [ip_network(each) for each in allowed]
        except ValueError as wrong:
            raise BadSetting(f"KLIMAKONTRAKT_OUTGOING_ALLOWED holds addresses and networks: {wrong}") from wrong
        self._resolve, self._seconds = resolve, seconds

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for something. Raises CallFailed."""
        return self._call("GET", url, headers or {}, b"")

    def post(self, url: str, body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send something. Raises CallFailed."""
        return self._call("POST", url, {**(headers or {}), "Content-Type": media_type}, body)

    def post_form(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Send the fields of a form. Raises CallFailed."""
        body = str(httpx.QueryParams(dict(fields))).encode()
        return self.post(url, body, "application/x-www-form-urlencoded", headers)

    def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """In a thread of its own: no limit holds for the resolver, or for a server that drips, otherwise."""
        target = _target(url)
        client = httpx.Client(verify=trusted(), trust_env=False, follow_redirects=False, timeout=self._seconds)
        found: Future[Answer] = Future()

        def answer() -> None:
            try:
                found.set_result(self._answer(client, method, target, headers, body))
            except BaseException as trouble:  # noqa: BLE001 - raised anew in the thread that asked
                found.set_exception(trouble)

        threading.Thread(target=answer, daemon=True, name="outgoing").start()
        try:
            return found.result(self._seconds)
        except TooSlow as late:
            raise _failed(target, "It took too long.") from late
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as trouble:
            raise _failed(target, type(trouble).__name__) from trouble
        finally:
            client.close()

    def _answer(
        self, client: httpx.Client, method: str, target: httpx.URL, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        port = target.port or (443 if target.scheme == "https" else 80)
        address = self._fit_address(target, port)
        request = client.build_request(
            method,
            target.copy_with(host=address),
            headers={**headers, "Host": target.netloc.decode(), "Accept-Encoding": "identity"},
            content=body or None,
            extensions={"sni_hostname": target.raw_host.decode()},  # the certificate must be the name's, as ever
        )
        answer = client.send(request, stream=True)
        if answer.is_redirect:
            raise _failed(target, "It leads elsewhere.")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise _failed(target, "It answers packed.")
        content = bytearray()
        for piece in answer.iter_raw():
            content += piece
            if len(content) > MOST_BYTES:
                raise _failed(target, f"It answers with more than {MOST_BYTES} bytes.")
        return Answer(answer.status_code, dict(answer.headers), bytes(content))

    def _fit_address(self, target: httpx.URL, port: int) -> str:
        """Where to connect: every address of the name must be fit, so that no order of them leads inside."""
        addresses = [ip_address(each) for each in self._resolve(target.raw_host.decode(), port)]
        for address in addresses:
            is_ours = any(address in network for network in self._allowed)
            if not is_ours and not is_public(address):
                raise _failed(target, f"{address} is not an address that everybody can reach.")
            if not is_ours and target.scheme != "https":
                raise _failed(target, "It is not https.")
        if not addresses:
            raise _failed(target, "It has no address.")
        return str(addresses[0])


@cache
def trusted() -> ssl.SSLContext:
    """Those that everybody trusts, or those that SSL_CERT_FILE names: read once by a process, which takes its time."""
    return httpx.create_ssl_context()


def is_public(address: Address) -> bool:
    """Whether an address is one that the whole world reaches, in whatever guise it is written."""
    if isinstance(address, IPv6Address) and (inner := _inner(address)) is not None:
        return is_public(inner)
    is_old = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not address.is_multicast and not is_old


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address is another way of writing, or leads through a tunnel to."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour


def _target(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as wrong:
        raise CallFailed("It is no address.") from wrong
    if target.scheme not in ("http", "https") or not target.host or target.userinfo:
        raise CallFailed("It is no address of a web server.")
    return target


def _failed(target: httpx.URL, reason: str) -> CallFailed:
    _log.warning("A call to %s failed: %s", target.host, reason)
    return CallFailed(f"{target.host}: {reason}")
