"""Keys for what is kept unreadable: each purpose has its own, derived from the secret key of the installation."""

import os
from collections.abc import Iterator
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.config import Settings

KEY_BYTES = 32
NONCE_BYTES = 12


class Unreadable(Exception):
    """What was sealed does not open: it was changed, belongs elsewhere, or its key is gone."""


def derived(settings: Settings, purpose: str) -> bytes:
    """The key of one purpose, 32 bytes."""
    return _derived(settings.secret_key, purpose)


def sealed(settings: Settings, purpose: str, content: bytes, *, owner: str) -> bytes:
    """`content` as only this installation can read it, and as belonging to `owner` only (AES-256-GCM)."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(derived(settings, purpose)).encrypt(nonce, content, owner.encode())


def opened(settings: Settings, purpose: str, kept: bytes, *, owner: str) -> bytes:
    """What was sealed for this purpose and owner. Raises Unreadable."""
    for key in _in_use(settings):
        try:
            return AESGCM(_derived(key, purpose)).decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError):
            continue
    raise Unreadable(purpose)


def is_sealed_anew(settings: Settings, purpose: str, kept: bytes, *, owner: str) -> bool:
    """Whether the present key alone opens it, so that no former one is needed."""
    try:
        opened(replace(settings, secret_key_fallbacks=()), purpose, kept, owner=owner)
    except Unreadable:
        return False
    return True


def _in_use(settings: Settings) -> Iterator[str]:
    yield settings.secret_key
    yield from settings.secret_key_fallbacks


def _derived(secret_key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"klimakontrakt {purpose}".encode()).derive(secret_key.encode())
