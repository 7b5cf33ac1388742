"""Calls that go out: only outside, only where the name led when it was looked at, only so long and so much."""

import gzip
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.config import BadSetting
from portal.outgoing import MOST_BYTES, CallFailed, Outgoing, is_public, trusted
from tests.outside import outside

LOOPBACK = ("127.0.0.0/8",)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_nothing_is_sent_to_this_machine_however_it_is_written(host: str) -> None:
    with outside() as server:
        with pytest.raises(CallFailed, match=r"everybody can reach|no address"):
            Outgoing().get(f"http://{host}:{server.port}/")
        assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "64:ff9b::a00:1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)
def test_addresses_that_only_we_can_reach_are_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(CallFailed, match="everybody"):
        Outgoing(resolve=lambda _host, _port: [address]).get("https://provider.example/")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_addresses_that_everybody_can_reach_are_fit(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_name_with_one_address_inside_is_refused() -> None:
    with pytest.raises(CallFailed, match="everybody"):
        Outgoing(resolve=lambda _host, _port: ["93.184.215.14", "10.0.0.1"]).get("https://provider.example/")


def test_a_name_that_changes_is_resolved_once() -> None:
    """The connection is made to the address that was looked at, and the server still hears the name."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with outside() as server:
        calls = Outgoing(LOOPBACK, resolve=lambda _host, _port: next(answers))
        assert calls.get(f"http://provider.example:{server.port}/keys?a=1").json() == {"name": "outside"}
        [asked] = server.asked
    assert (asked.path, asked.headers["Host"]) == ("/keys?a=1", f"provider.example:{server.port}")
    assert next(answers) == ["127.0.0.2"]


@pytest.mark.parametrize(
    "url",
    ["ftp://provider.example/", "file:///etc/passwd", "https:///x", "https://me@provider.example/", "https://[", "//x"],
)
def test_only_addresses_of_web_servers_are_called(url: str) -> None:
    with pytest.raises(CallFailed):
        Outgoing(resolve=lambda _host, _port: ["93.184.215.14"]).get(url)


def test_plain_http_goes_nowhere_outside() -> None:
    with pytest.raises(CallFailed, match="not https"):
        Outgoing(resolve=lambda _host, _port: ["93.184.215.14"]).get("http://provider.example/")


def test_a_redirect_is_not_followed() -> None:
    with outside() as server, outside() as other:
        server.answer = lambda to: to.say(302, Location=f"{other.url}/inside")
        with pytest.raises(CallFailed, match="elsewhere"):
            Outgoing(LOOPBACK).get(server.url)
        assert other.asked == []


def test_a_server_that_drips_is_left_in_time() -> None:
    """Each read comes soon enough; it is the whole that takes too long."""
    with outside() as server:

        def drip(to: object) -> None:
            for _ in range(100):
                to.wfile.write(b"H")  # type: ignore[attr-defined]
                time.sleep(0.05)

        server.answer = drip
        began = time.monotonic()
        with pytest.raises(CallFailed):
            Outgoing(LOOPBACK, seconds=0.4).get(server.url)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("size", [MOST_BYTES, MOST_BYTES + 1])
def test_an_answer_is_read_up_to_its_limit(size: int) -> None:
    with outside() as server:
        server.answer = lambda to: to.say(200, b"x" * size)
        calls = Outgoing(LOOPBACK)
        if size > MOST_BYTES:
            with pytest.raises(CallFailed, match="more than"):
                calls.get(server.url)
        else:
            assert len(calls.get(server.url).body) == size


def test_an_answer_that_would_unpack_to_much_is_refused() -> None:
    with outside() as server:
        server.answer = lambda to: to.say(200, gzip.compress(b"x" * 50_000_000), Content_Encoding="gzip")
        with pytest.raises(CallFailed, match="packed"):
            Outgoing(LOOPBACK).get(server.url)


def test_a_form_arrives_and_any_status_comes_back() -> None:
    with outside() as server:
        server.answer = lambda to: to.say(400, b'{"error": "invalid_grant"}', Content_Type="application/json")
        answer = Outgoing(LOOPBACK).post_form(f"{server.url}/token", {"code": "a b&c"}, {"Authorization": "Basic eA=="})
        [asked] = server.asked
    assert (answer.status, answer.json(), answer.headers["content-type"]) == (
        400,
        {"error": "invalid_grant"},
        "application/json",
    )
    assert (asked.method, asked.body, asked.headers["Authorization"]) == ("POST", b"code=a+b%26c", "Basic eA==")


@pytest.mark.parametrize(
    "said", [b"<html>", b"", b"\xff\xfe", b"[" * 100_000], ids=["page", "nothing", "bytes", "nested"]
)
def test_what_is_no_json_and_who_is_not_there_are_told_alike(said: bytes) -> None:
    with outside() as server:
        server.answer = lambda to: to.say(200, said)
        with pytest.raises(CallFailed):
            Outgoing(LOOPBACK).get(server.url).json()
        url = server.url
    with pytest.raises(CallFailed):
        Outgoing(LOOPBACK).get(url)


@pytest.fixture
def trust_anew() -> Iterator[None]:
    """Whom a process trusts is read once: here it must be read for the test, and for those after it."""
    trusted.cache_clear()
    yield
    trusted.cache_clear()


@pytest.mark.usefixtures("trust_anew")
@pytest.mark.parametrize("name", ["provider.example", "another.example"])
def test_the_certificate_must_be_of_the_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(_certificate(tmp_path, "provider.example")))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with outside(tls) as server:
        calls = Outgoing(LOOPBACK, resolve=lambda _host, _port: ["127.0.0.1"])
        if name == "provider.example":
            assert calls.get(f"https://{name}:{server.port}/").status == 200
        else:
            with pytest.raises(CallFailed):
                calls.get(f"https://{name}:{server.port}/")
            assert server.asked == []


def test_what_may_be_called_is_a_list_of_networks() -> None:
    with pytest.raises(BadSetting, match="KLIMAKONTRAKT_OUTGOING_ALLOWED"):
        Outgoing(["provider.example"])


def _certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file
