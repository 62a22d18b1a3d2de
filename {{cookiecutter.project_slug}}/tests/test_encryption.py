"""Encryption of what is kept with a session."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.sessions.encryption import SessionCipher
from tests.conftest import KEY

OLD_KEY = "vB7xK2nM9qW4eR6tY8uI0oP3aS5dF1gH_older"
CIPHER = SessionCipher([KEY])


def test_an_encrypted_text_can_be_decrypted_and_not_read() -> None:
    encrypted = CIPHER.encrypt(b"a secret text", "here")
    assert b"secret" not in encrypted
    assert CIPHER.decrypt(encrypted, "here") == b"a secret text"


def test_the_same_text_is_encrypted_differently_each_time() -> None:
    assert len({CIPHER.encrypt(b"text", "here") for _ in range(100)}) == 100


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old = SessionCipher([OLD_KEY]).encrypt(b"text", "here")
    new = SessionCipher([KEY, OLD_KEY]).encrypt(b"text", "here")
    assert SessionCipher([KEY, OLD_KEY]).decrypt(old, "here") == b"text"
    assert SessionCipher([KEY]).decrypt(new, "here") == b"text"
    assert SessionCipher([KEY]).decrypt(old, "here") is None
    assert SessionCipher([OLD_KEY]).decrypt(new, "here") is None


def test_with_other_associated_data_nothing_is_decrypted() -> None:
    assert CIPHER.decrypt(CIPHER.encrypt(b"text", "here"), "there") is None


def test_the_encryption_key_is_derived_for_this_purpose_alone() -> None:
    encrypted = CIPHER.encrypt(b"text", "here")
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"app.sessions.seal")
    cipher = AESGCM(derived.derive(KEY.encode()))
    assert cipher.decrypt(encrypted[:12], encrypted[12:], b"here") == b"text"


@pytest.mark.parametrize("place", range(12 + 4 + 16))
def test_with_any_byte_changed_nothing_is_decrypted(place: int) -> None:
    encrypted = bytearray(CIPHER.encrypt(b"text", "here"))
    encrypted[place] ^= 1
    assert CIPHER.decrypt(bytes(encrypted), "here") is None


@pytest.mark.parametrize("length", [0, 1, 12, 27])
def test_what_is_too_short_is_not_decrypted(length: int) -> None:
    assert CIPHER.decrypt(b"x" * length, "here") is None
