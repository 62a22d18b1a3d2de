"""The seal on what is kept with a session."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.sessions.encryption import SessionCipher
from tests.conftest import KEY

OLD_KEY = "vB7xK2nM9qW4eR6tY8uI0oP3aS5dF1gH_older"


def test_what_was_encrypted_is_opened_and_cannot_be_read() -> None:
    encrypted = SessionCipher([KEY]).close(b"a secret text", "here")
    assert b"secret" not in encrypted
    assert SessionCipher([KEY]).open(encrypted, "here") == b"a secret text"


def test_the_same_text_is_encrypted_differently_each_time() -> None:
    assert len({SessionCipher([KEY]).close(b"text", "here") for _ in range(100)}) == 100


def test_the_first_key_seals_and_all_open() -> None:
    old = SessionCipher([OLD_KEY]).close(b"text", "here")
    new = SessionCipher([KEY, OLD_KEY]).close(b"text", "here")
    assert SessionCipher([KEY, OLD_KEY]).open(old, "here") == b"text"
    assert SessionCipher([KEY]).open(new, "here") == b"text"
    assert SessionCipher([KEY]).open(old, "here") is None
    assert SessionCipher([OLD_KEY]).open(new, "here") is None


def test_it_is_for_one_associated_data() -> None:
    assert SessionCipher([KEY]).open(SessionCipher([KEY]).close(b"text", "here"), "there") is None


def test_its_key_is_derived_for_this_purpose_alone() -> None:
    encrypted = SessionCipher([KEY]).close(b"text", "here")
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"app.sessions.encryption")
    cipher = AESGCM(derived.derive(KEY.encode()))
    assert cipher.decrypt(encrypted[:12], encrypted[12:], b"here") == b"text"


@pytest.mark.parametrize("place", range(12 + 4 + 16))
def test_any_changed_byte_spoils_it(place: int) -> None:
    encrypted = bytearray(SessionCipher([KEY]).close(b"text", "here"))
    encrypted[place] ^= 1
    assert SessionCipher([KEY]).open(bytes(encrypted), "here") is None


@pytest.mark.parametrize("length", [0, 1, 12, 27])
def test_what_is_too_short_is_none(length: int) -> None:
    assert SessionCipher([KEY]).open(b"x" * length, "here") is None
