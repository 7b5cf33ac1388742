"""Time-based one-time codes, RFC 6238, as every authenticator app makes them: SHA-1, six digits, thirty seconds."""

import base64
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
ISSUER = "Klimakontrakt"


def new_secret() -> bytes:
    """A secret to share with an app: 160 random bits."""
    return secrets.token_bytes(SECRET_BYTES)


def step_at(moment: datetime) -> int:
    """The number of the step that a moment is in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_of(secret: bytes, step: int) -> str:
    """The code of one step."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    start = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(code: str, secret: bytes, now: int, *, reach: int) -> int | None:
    """The step that a code belongs to, at most `reach` steps from `now`, the nearest first; None: no such step."""
    steps = sorted(range(max(now - reach, 0), now + reach + 1), key=lambda step: abs(step - now))
    fits = [step for step in steps if hmac.compare_digest(code_of(secret, step).encode(), code.encode())]
    return fits[0] if fits else None


def as_key(secret: bytes) -> str:
    """The secret as one types it into an app."""
    return base64.b32encode(secret).decode()


def as_address(secret: bytes, account: str) -> str:
    """The secret as an app reads it from a QR code."""
    asked = urlencode({"secret": as_key(secret), "issuer": ISSUER})
    return f"otpauth://totp/{ISSUER}:{quote(account)}?{asked}"
