"""An authenticator in software: it makes passkeys and signs with them, rightly or not."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

# What Settings.public_url is by default: the page that talks to the authenticator.
ORIGIN = "http://localhost:8000"

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40

# ECDSA with P-256 and SHA-256 (RFC 9053, 2.1).
ES256 = -7

# Of iCloud Keychain.
APPLE = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd"
UNKNOWN = "00000000-0000-0000-0000-000000000000"

Json = dict[str, Any]


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Key:
    """A passkey, as its authenticator keeps it."""

    rp_id: str
    user_handle: str
    private: EllipticCurvePrivateKey = field(
        default_factory=lambda: generate_private_key(SECP256R1())
    )
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0

    @property
    def public(self) -> dict[int, int | bytes]:
        """The public key in COSE's form (RFC 9052, 7)."""
        point = self.private.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return {1: 2, 3: ES256, -1: 1, -2: x, -3: y}


@dataclass
class Authenticator:
    """One device. origin: of the page that asks. flags: what the user did. step: of its counter.

    algorithm: what it says that its keys are for.
    """

    origin: str = ORIGIN
    rp_id: str | None = None
    flags: int = PRESENT | VERIFIED
    cross_origin: bool = False
    step: int = 1
    algorithm: Any = ES256
    aaguid: str = UNKNOWN
    keys: list[Key] = field(default_factory=list)

    def create(self, options: Json, key: Key | None = None) -> Json:
        """Make a passkey: what ``navigator.credentials.create()`` gives, as JSON."""
        key = key or Key(options["rp"]["id"], options["user"]["id"])
        self.keys.append(key)
        public = cbor2.dumps({**key.public, 3: self.algorithm})
        about = bytes.fromhex(self.aaguid.replace("-", "")) + len(key.id).to_bytes(2, "big")
        attestation = {
            "fmt": "none",
            "attStmt": {},
            "authData": self._data(key, ATTESTED) + about + key.id + public,
        }
        response = {
            "clientDataJSON": encode(self._client_data("webauthn.create", options)),
            "attestationObject": encode(cbor2.dumps(attestation)),
            "transports": ["internal", "hybrid", "something-new"],
        }
        return self._credential(key, response)

    def get(self, options: Json, key: Key | None = None) -> Json:
        """Sign with a passkey: what ``navigator.credentials.get()`` gives, as JSON."""
        key = key or self.keys[-1]
        key.count += self.step
        client_data, data = self._client_data("webauthn.get", options), self._data(key)
        signed = data + hashlib.sha256(client_data).digest()
        response = {
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(key.private.sign(signed, ECDSA(SHA256()))),
            "userHandle": key.user_handle,
        }
        return self._credential(key, response)

    def _client_data(self, kind: str, options: Json) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**told, "crossOrigin": self.cross_origin}).encode()

    def _data(self, key: Key, more: int = 0) -> bytes:
        rp_id = hashlib.sha256((self.rp_id or key.rp_id).encode()).digest()
        return rp_id + bytes([self.flags | more]) + key.count.to_bytes(4, "big")

    def _credential(self, key: Key, response: Json) -> Json:
        return {
            "id": encode(key.id),
            "rawId": encode(key.id),
            "type": "public-key",
            "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        }
