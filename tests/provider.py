"""An OpenID Connect provider on loopback: it speaks the protocol in earnest, and says what it is told to say."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from portal import clock
from portal.openid import SIGNED_OUT
from tests.outside import Outside, outside

CLIENT, SECRET = "klimakontrakt", "ikke si det til noen"
BASE = "http://127.0.0.1:8000"
Fields = dict[str, Any]


@cache
def rsa(name: str) -> RSAKey:
    """One key of each name for all tests: making them is slow."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@dataclass
class Provider:
    """What it knows, and what it is told to say wrongly."""

    server: Outside
    path: str = "/oidc"
    says: Fields = field(default_factory=dict)
    """Claims about whoever signs in; None leaves one out."""
    signs: Callable[[Fields], str] = field(init=False)
    """How a token is signed."""
    shows: list[RSAKey] = field(default_factory=lambda: [rsa("known")])
    """The keys in its set."""
    codes: dict[str, Fields] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """Ids of assertions that were taken."""
    client_key: RSAKey | None = None
    """Whose signature stands for the client's, in place of a secret."""
    is_down: bool = False
    signed_in_at: int | None = None
    """Since when the browser has a session there, if it began before it came."""

    def __post_init__(self) -> None:
        self.signs = self.properly_signed
        self.server.answer = self.answer

    @property
    def issuer(self) -> str:
        return self.server.url + self.path

    # -- as the portal is told of it ----------------------------------------------------------------------------------

    def settings(self, folder: Path, key: str = "lillevik", more: str = "") -> str:
        """The TOML file of a portal that knows this provider. `more` are further lines of its table."""
        (folder / "client-secret").write_text(SECRET)
        who = 'client_secret_file = "client-secret"'
        if self.client_key is not None:
            (folder / "client-key.pem").write_bytes(self.client_key.as_pem(private=True))
            who = 'private_key_file = "client-key.pem"\nkey_id = "ours"'
        file = folder / "providers.toml"
        known = file.read_text() if file.exists() else ""
        file.write_text(
            f"""{known}
[{key}]
name = "Lillevik"
issuer = "{self.issuer}"
authorize_url = "{self.issuer}/authorize"
token_url = "{self.issuer}/token"
keys_url = "{self.issuer}/jwks"
end_session_url = "{self.issuer}/logout"
client_id = "{CLIENT}"
{who}
{more}
"""
        )
        return str(file)

    # -- as a browser sees it -----------------------------------------------------------------------------------------

    def visit(self, url: str) -> str:
        """Where the browser is sent from this page of the provider, as path and query."""
        answer = httpx.get(url, follow_redirects=False)
        assert answer.status_code == 302, answer.text
        to = urlsplit(answer.headers["Location"])
        assert f"{to.scheme}://{to.netloc}" == BASE
        return f"{to.path}?{to.query}"

    def logout_token(self, **says: object) -> str:
        """What is sent to the portal when somebody signs out here; None leaves a claim out."""
        now = int(clock.now().timestamp())
        said = {"aud": CLIENT, "events": {SIGNED_OUT: {}}, "exp": now + 120, "iat": now, "iss": self.issuer, "jti": "1"}
        return self.signs({name: value for name, value in {**said, **says}.items() if value is not None})

    # -- as it answers ------------------------------------------------------------------------------------------------

    def answer(self, to: Any) -> None:
        asked = self.server.asked[-1]
        where = urlsplit(asked.path)
        ways: dict[str, Callable[..., tuple[int, Fields | str]]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/authorize": self._authorize,
            "/jwks": self._keys,
            "/logout": self._logout,
            "/token": self._token,
        }
        way = ways.get(where.path.removeprefix(self.path))
        if way is None or self.is_down:
            to.say(503)
            return
        status, said = way(_fields(where.query), _fields(asked.body.decode()), asked.headers)
        if isinstance(said, str):
            to.say(status, Location=said)
        else:
            to.say(status, json.dumps(said).encode(), Content_Type="application/json")

    def _discovery(self, *_asked: object) -> tuple[int, Fields]:
        return 200, {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _keys(self, *_asked: object) -> tuple[int, Fields]:
        return 200, {"keys": [key.as_dict(private=False) for key in self.shows]}

    def _authorize(self, query: Fields, *_asked: object) -> tuple[int, Fields | str]:
        needed = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256"}
        if any(query.get(name) != value for name, value in needed.items()):
            return 400, {"error": "invalid_request"}
        if not all(query.get(name) for name in ("state", "nonce", "code_challenge", "redirect_uri")):
            return 400, {"error": "invalid_request"}
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.issuer}
        return 302, f"{query['redirect_uri']}?{urlencode(back)}"

    def _token(self, _query: Fields, form: Fields, headers: Mapping[str, str]) -> tuple[int, Fields]:
        if not self._is_client(form, headers):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge.decode().rstrip("=") != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(clock.now().timestamp())
        said = {
            "iss": self.issuer,
            "sub": "ola-1",
            "aud": CLIENT,
            "exp": now + 120,
            "iat": now,
            "auth_time": now if asked.get("prompt") == "login" else self.signed_in_at or now,
            "nonce": asked["nonce"],
            "sid": "there-1",
            "amr": ["pwd", "mfa"],
            **({"acr": asked["acr_values"].split()[0]} if "acr_values" in asked else {}),
        }
        token = self.signs({name: value for name, value in {**said, **self.says}.items() if value is not None})
        return 200, {"id_token": token, "access_token": "x", "token_type": "Bearer", "expires_in": 120}

    def _logout(self, query: Fields, *_asked: object) -> tuple[int, Fields | str]:
        hint = jwt.decode(query["id_token_hint"], rsa("known"), algorithms=["RS256"])
        assert hint.claims["iss"] == self.issuer
        return 302, query["post_logout_redirect_uri"]

    def _is_client(self, form: Fields, headers: Mapping[str, str]) -> bool:
        if self.client_key is None:
            scheme, _, both = headers.get("Authorization", "").partition(" ")
            name, _, word = base64.b64decode(both).decode().partition(":")
            return scheme == "Basic" and (unquote(name), unquote(word)) == (CLIENT, SECRET)
        said = jwt.decode(form["client_assertion"], self.client_key, algorithms=["RS256"])
        claims, is_new = said.claims, said.claims["jti"] not in self.used
        self.used.add(claims["jti"])
        is_ours = claims["iss"] == claims["sub"] == CLIENT and claims["aud"] == self.issuer
        return is_ours and is_new and said.header["kid"] == "ours" and claims["exp"] > clock.now().timestamp()

    # -- how it may sign ----------------------------------------------------------------------------------------------

    def properly_signed(self, claims: Fields) -> str:
        return jwt.encode({"alg": "RS256", "kid": "known"}, claims, rsa("known"))

    def unsigned(self, claims: Fields) -> str:
        return f"{_part({'alg': 'none', 'kid': 'known'})}.{_part(claims)}."

    def with_our_public_key(self, claims: Fields) -> str:
        """HMAC whose key is the public key that everybody may fetch."""
        public = OctKey.import_key(base64.b64encode(rsa("known").as_pem(private=False)))
        return jwt.encode({"alg": "HS256", "kid": "known"}, claims, public, algorithms=["HS256"])

    def with_the_secret(self, claims: Fields) -> str:
        """HMAC whose key is the client's secret."""
        return jwt.encode({"alg": "HS256", "kid": "known"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])

    def by_an_unknown_key(self, claims: Fields) -> str:
        return jwt.encode({"alg": "RS256", "kid": "strange"}, claims, rsa("strange"))

    def by_nobody_named(self, claims: Fields) -> str:
        return jwt.encode({"alg": "RS256"}, claims, rsa("known"))

    def by_another_under_its_name(self, claims: Fields) -> str:
        return jwt.encode({"alg": "RS256", "kid": "known"}, claims, rsa("strange"))

    def with_its_own_key_along(self, claims: Fields) -> str:
        header = {"alg": "RS256", "kid": "strange", "jwk": rsa("strange").as_dict(private=False)}
        return jwt.encode(header, claims, rsa("strange"))

    def under_a_strange_condition(self, claims: Fields) -> str:
        signed = rsa("known")
        head = _part({"alg": "RS256", "kid": "known", "crit": ["x-odd"], "x-odd": True})
        return _signed(head, claims, signed)

    def changed_on_the_way(self, claims: Fields) -> str:
        head, _body, signature = self.properly_signed(claims).split(".")
        return f"{head}.{_part({**claims, 'sub': 'kari-1'})}.{signature}"


def _signed(head: str, claims: Fields, key: RSAKey) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    content = f"{head}.{_part(claims)}"
    signature = key.private_key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr]
    return f"{content}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _part(content: Fields) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _fields(query: str) -> Fields:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that answers until the block ends."""
    with outside() as server:
        yield Provider(server)
