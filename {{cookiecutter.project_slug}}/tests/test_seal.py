"""The seal on what is kept with a session."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.sessions.seal import Seal
from tests.conftest import KEY

OLD_KEY = "vB7xK2nM9qW4eR6tY8uI0oP3aS5dF1gH_older"


def test_what_was_sealed_is_opened_and_cannot_be_read() -> None:
    sealed = Seal([KEY]).close(b"a secret text", "here")
    assert b"secret" not in sealed
    assert Seal([KEY]).open(sealed, "here") == b"a secret text"


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({Seal([KEY]).close(b"text", "here") for _ in range(100)}) == 100


def test_the_first_key_seals_and_all_open() -> None:
    old = Seal([OLD_KEY]).close(b"text", "here")
    new = Seal([KEY, OLD_KEY]).close(b"text", "here")
    assert Seal([KEY, OLD_KEY]).open(old, "here") == b"text"
    assert Seal([KEY]).open(new, "here") == b"text"
    assert Seal([KEY]).open(old, "here") is None
    assert Seal([OLD_KEY]).open(new, "here") is None


def test_it_is_for_one_place() -> None:
    assert Seal([KEY]).open(Seal([KEY]).close(b"text", "here"), "there") is None


def test_its_key_is_derived_for_this_purpose_alone() -> None:
    sealed = Seal([KEY]).close(b"text", "here")
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"app.sessions.seal")
    cipher = AESGCM(derived.derive(KEY.encode()))
    assert cipher.decrypt(sealed[:12], sealed[12:], b"here") == b"text"


@pytest.mark.parametrize("place", range(12 + 4 + 16))
def test_any_changed_byte_spoils_it(place: int) -> None:
    sealed = bytearray(Seal([KEY]).close(b"text", "here"))
    sealed[place] ^= 1
    assert Seal([KEY]).open(bytes(sealed), "here") is None


@pytest.mark.parametrize("length", [0, 1, 12, 27])
def test_what_is_too_short_is_none(length: int) -> None:
    assert Seal([KEY]).open(b"x" * length, "here") is None
