"""Encryption of what is kept with a session."""

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Keys for this purpose alone (RFC 5869, 3.2): what signs a ticket opens no data.
PURPOSE = b"app.sessions.seal"

# NIST SP 800-38D, 8.2.2: random nonces of 96 bits will do for 2^32 messages a key.
NONCE_BYTES = 12
TAG_BYTES = 16


class Seal:
    """Encrypts and authenticates with AES-256-GCM.

    keys: newest first; the first seals, all open.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = [AESGCM(_derive(key)) for key in keys]

    def close(self, text: bytes, place: str) -> bytes:
        """Seal a text for one place; moved to another one it cannot be opened."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, text, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes | None:
        """Return the text, or None for anything that we did not seal for that place."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            return None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
            except InvalidTag:
                continue
        return None


def _derive(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())
