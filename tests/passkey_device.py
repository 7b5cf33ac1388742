"""A device that holds passkeys, as far as the server can tell; it can be made to answer wrongly."""

import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40


@dataclass
class Device:
    """One passkey, and what the device says with it. Each attribute may be made wrong.

    Attributes:
        origin: the page that the browser says it is on.
        rp_id: whom the passkey is for.
        flags: that somebody was there, and was recognised.
        count: how often it was used; it counts on by one each time.
    """

    origin: str = "http://localhost:8000"
    rp_id: str = "localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 1
    credential_id: bytes = b"one passkey of the tests"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def makes(self, options: dict[str, Any]) -> str:
        """The answer to being asked for a new passkey."""
        client = self._client("webauthn.create", options["challenge"])
        place = struct.pack(">16sH", b"", len(self.credential_id)) + self.credential_id + self._public_key()
        data = {"fmt": "none", "attStmt": {}, "authData": self._said(WITH_KEY) + place}
        return self._answer(clientDataJSON=client, attestationObject=cbor2.dumps(data))

    def shows(self, options: dict[str, Any]) -> str:
        """The answer to being asked who somebody is."""
        client, said = self._client("webauthn.get", options["challenge"]), self._said()
        signature = self.key.sign(said + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=said, signature=signature)

    def _said(self, more: int = 0) -> bytes:
        said = hashlib.sha256(self.rp_id.encode()).digest() + struct.pack(">BI", self.flags | more, self.count)
        self.count += 1
        return said

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _public_key(self) -> bytes:
        point = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def _answer(self, **response: bytes) -> str:
        name = bytes_to_base64url(self.credential_id)
        shown = {key: bytes_to_base64url(value) for key, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": shown})
