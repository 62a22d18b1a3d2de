"""How a ticket is signed."""

import hmac
from collections.abc import Sequence

from itsdangerous import Signer
from itsdangerous.signer import SigningAlgorithm

from app.settings import KEY_MIN_CHARACTERS

# 32 bytes in base64url.
FORM = "[A-Za-z0-9_-]{43}"


class _HmacSha256(SigningAlgorithm):
    """HMAC-SHA-256 in one call, at a third of the library's cost."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha256")


class Signature:
    """Signs texts of one purpose, and reads what it has signed.

    keys: newest first; the first signs, all verify. salt: of this purpose alone, so that nothing
    else signed with the same keys is taken for it, nor it for anything else (ASVS 5.0 9.2.2).
    """

    def __init__(self, keys: Sequence[str], salt: bytes) -> None:
        if not keys or any(len(key) < KEY_MIN_CHARACTERS for key in keys):
            # A text in the place of a list would be taken for keys of one letter each.
            raise ValueError(f"keys must be a list of {KEY_MIN_CHARACTERS} characters or more each")
        # What the library calls the derivation "hmac", done once instead of for every ticket.
        derived = [hmac.digest(key.encode(), salt, "sha256") for key in keys]
        self._signers = [
            Signer(key, key_derivation="none", algorithm=_HmacSha256()) for key in derived
        ]

    def sign(self, text: str) -> str:
        """Return the text, a dot, and its signature."""
        return self._signers[0].sign(text).decode("ascii")

    def read(self, signed: str) -> str | None:
        """Return the text that was signed, or None for anything we did not sign.

        signed: what looks like ours already, ASCII with a dot and a signature's form at its end.
        """
        text, _, given = signed.rpartition(".")
        signature = given.encode("ascii")
        for signer in self._signers:
            # The texts are compared: the bytes of a signature can be spelled in several ways, and
            # the library's own check would take them all.
            if hmac.compare_digest(signer.get_signature(text), signature):
                return text
        return None
