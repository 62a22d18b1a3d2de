"""How a ticket is signed."""

import hashlib
from collections.abc import Sequence

from itsdangerous import Signer
from itsdangerous.encoding import base64_decode, base64_encode

from app.settings import KEY_MIN_CHARACTERS


class Signature:
    """Signs texts of one purpose, and reads what it has signed.

    keys: newest first; the first signs, all verify. salt: of this purpose alone, so that nothing
    else signed with the same keys is taken for it, nor it for anything else (ASVS 5.0 9.2.2).
    """

    def __init__(self, keys: Sequence[str], salt: bytes) -> None:
        if not keys or any(len(key) < KEY_MIN_CHARACTERS for key in keys):
            # A text in the place of a list would be taken for keys of one letter each.
            raise ValueError(f"keys must be a list of {KEY_MIN_CHARACTERS} characters or more each")
        # The library signs with the last key, and by default with SHA-1 and a plain concatenation.
        self._signer = Signer(
            list(reversed(keys)), salt=salt, key_derivation="hmac", digest_method=hashlib.sha256
        )

    def sign(self, text: str) -> str:
        """Return the text, a dot, and its signature."""
        return self._signer.sign(text).decode("ascii")

    def read(self, signed: str) -> str | None:
        """Return the text that was signed, or None for anything we did not sign.

        signed: what looks like ours already, ASCII with the signature's 43 characters at its end.
        """
        text, _, signature = signed.rpartition(".")
        # Base64 leaves bits of the last character unused, so a signature has several spellings.
        if base64_encode(base64_decode(signature)).decode("ascii") != signature:
            return None
        return text if self._signer.verify_signature(text, signature) else None
