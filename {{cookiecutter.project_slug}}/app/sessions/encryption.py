"""Encryption of what is kept with a session."""

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Keys for this purpose only (RFC 5869, 3.2): a key that signs tokens decrypts nothing.
# Changing it makes everything encrypted so far unreadable.
PURPOSE = b"app.sessions.seal"

# NIST SP 800-38D, 8.2.2: random nonces of 96 bits are safe for 2^32 messages a key.
NONCE_BYTES = 12
TAG_BYTES = 16


class SessionCipher:
    """Encrypts and authenticates with AES-256-GCM.

    keys: newest first; the first encrypts, all decrypt. purpose: what they are derived for.
    """

    def __init__(self, keys: Sequence[str], purpose: bytes = PURPOSE) -> None:
        self._ciphers = [AESGCM(_derive_key(key, purpose)) for key in keys]

    def encrypt(self, text: bytes, associated_data: str) -> bytes:
        """Encrypt a text. With other associated data it cannot be decrypted."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, text, associated_data.encode())

    def decrypt(self, encrypted: bytes, associated_data: str) -> bytes | None:
        """Return the text, or None for anything not encrypted here with that associated data."""
        if len(encrypted) < NONCE_BYTES + TAG_BYTES:
            return None
        nonce, content = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, content, associated_data.encode())
            except InvalidTag:
                continue
        return None


def _derive_key(key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())
