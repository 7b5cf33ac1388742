"""Signed tokens of others: read with one algorithm, one issuer and the keys that the issuer shows, or not at all."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from portal import clock
from portal.outgoing import Answer, CallFailed, Outgoing

ALGORITHM = "RS256"
"""The only one. No `none`, and nothing whose key is a shared word."""
LONGEST = 16_384
"""Characters of a token."""
LEEWAY = 60
"""Seconds by which their clock and ours may differ."""
OLDEST = timedelta(minutes=10)
"""How long ago a token may have been made that is to tell something that happens now."""
SHORTEST_KEY = 2048
"""Bits."""
ASKED_AGAIN_AFTER = timedelta(minutes=1)
"""Not sooner: tokens with made-up key ids must not make us ask without end."""
KEYS_LAST = timedelta(hours=6)
FAILED_FOR = timedelta(seconds=10)
"""Not asked again so soon after a failure: a server that is down must not have every sign-in wait for it in turn."""

Claims = dict[str, Any]


class BadToken(Exception):
    """The token is not to be believed. The message is for the log and repeats nothing of the token."""


class Keys:
    """The public keys at one address, kept for a while; asked for again when a token names one that is not there."""

    def __init__(self, url: str, outgoing: Outgoing) -> None:
        self._url, self._outgoing = url, outgoing
        self._known: dict[str, RSAKey] = {}
        self._asked_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._lock = threading.Lock()

    def named(self, key_id: object) -> RSAKey:
        """The key with this id. Raises BadToken when there is none, and CallFailed when nobody can be asked.

        One asks at a time, and who needs nothing new does not wait for it.
        """
        if self._is_due(key_id):
            with self._lock:
                if self._is_due(key_id):  # not by whoever asked meanwhile
                    self._ask()
        found = self._known.get(key_id) if isinstance(key_id, str) else None
        if found is None:
            raise BadToken("No such key.")
        return found

    def _is_due(self, key_id: object) -> bool:
        if self._asked_at is None:
            return True
        age = clock.now() - self._asked_at
        is_known = isinstance(key_id, str) and key_id in self._known
        return age > KEYS_LAST or (not is_known and age > ASKED_AGAIN_AFTER) or age < -ASKED_AGAIN_AFTER

    def _ask(self) -> None:
        now = clock.now()
        if self._failed_at is not None and timedelta() <= now - self._failed_at < FAILED_FOR:
            raise CallFailed("The keys could not be fetched a moment ago.")
        try:
            self._known = _signing_keys(self._outgoing.get(self._url))
        except CallFailed:
            self._failed_at = clock.now()
            raise
        self._asked_at = now


def _signing_keys(answer: Answer) -> dict[str, RSAKey]:
    """The RSA keys of a set that may sign, by id; of other kinds we want none."""
    content = answer.json()
    rows = content.get("keys") if isinstance(content, dict) else None
    found: dict[str, RSAKey] = {}
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or row.get("kty") != "RSA" or row.get("use", "sig") != "sig":
            continue
        try:
            key = RSAKey.import_key({name: row[name] for name in ("kty", "n", "e")})
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        if isinstance(row.get("kid"), str) and key.raw_value.key_size >= SHORTEST_KEY:
            found[row["kid"]] = key
    return found


def claims_of(token: str, keys: Keys, *, issuer: str, **wanted: object) -> Claims:
    """What a token says, once its signature, issuer, times and the claims in `wanted` are as they must be.

    Raises BadToken; CallFailed when the keys cannot be fetched.
    """
    if len(token) > LONGEST or not token.isascii():
        raise BadToken("It is too long, or no token.")
    try:
        read = jwt.decode(token, lambda signed: keys.named(signed.headers().get("kid")), algorithms=[ALGORITHM])
        _registry(issuer, wanted).validate(read.claims)
    except (JoseError, ValueError, TypeError, RecursionError) as wrong:
        raise BadToken(f"{type(wrong).__name__} {getattr(wrong, 'claim', '') or ''}".strip()) from wrong
    return read.claims


def demand_fresh(claims: Claims) -> None:
    """Refuse a token that was made too long ago to speak of what happens now. Raises BadToken."""
    if claims["iat"] < (clock.now() - OLDEST).timestamp() - LEEWAY:
        raise BadToken("It was made long ago.")


def number_of(party: object) -> str:
    """The organisation number in ISO 6523's form, {"ID": "0192:…"}; empty when it is none."""
    written = party.get("ID") if isinstance(party, dict) else None
    scheme, _, number = written.partition(":") if isinstance(written, str) else ("", "", "")
    return number if scheme == "0192" and number.isascii() and number.isdigit() else ""


def _registry(issuer: str, wanted: Mapping[str, object]) -> jwt.JWTClaimsRegistry:
    options: dict[str, Any] = {name: {"essential": True, "value": value} for name, value in wanted.items()}
    return jwt.JWTClaimsRegistry(
        now=int(clock.now().timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        exp={"essential": True},
        iat={"essential": True},
        **options,
    )
