"""The session token: unguessable, signed, of one spelling."""

import base64
import random

import pytest

from app.sessions.session import Amr, Session
from app.sessions.token import SessionTokens
from tests.client import Client
from tests.conftest import KEY

OLD_KEY = "vB7xK2nM9qW4eR6tY8uI0oP3aS5dF1gH_older"

SESSION = Session(
    user_id=1,
    session_version=0,
    created_at=1_800_000_000,
    last_seen_at=1_800_000_000,
    authenticated_at=1_800_000_000,
    expires_at=1_800_003_600,
    remember=False,
    amr=Amr.PWD,
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    ip="",
    user_agent="",
    #{% endif %}
)


def generate(*keys: str) -> str:
    """Return a new token, signed with the first of these keys."""
    return SessionTokens(keys).generate(SESSION)[0]


#{% if cookiecutter.session_backend == "signed-cookie" %}
def random_part(token: str) -> bytes:
    session = SessionTokens([KEY]).verify(token)
    assert session is not None
    return session.key
#{% else %}
def random_part(token: str) -> bytes:
    return base64.urlsafe_b64decode(token.split(".")[0] + "=")
#{% endif %}


def test_each_token_is_new_and_has_a_sha256_signature() -> None:
    tokens = {generate(KEY) for _ in range(1000)}
    assert len(tokens) == 1000
    for token in tokens:
        assert len(base64.urlsafe_b64decode(token.split(".")[-1] + "=")) == 32


def test_all_256_bits_are_random_and_not_from_a_predictable_generator() -> None:
    ones, zeros = 0, 0
    for _ in range(100):
        random.seed(1)
        bits = int.from_bytes(random_part(generate(KEY)))
        ones, zeros = ones | bits, zeros | ~bits
    assert ones == 2**256 - 1
    assert zeros == -1


def test_a_token_names_the_session_it_was_generated_for() -> None:
    token, session = SessionTokens([KEY]).generate(SESSION)
    #{% if cookiecutter.session_backend == "signed-cookie" %}
    assert SessionTokens([KEY]).verify(token) == session
    #{% else %}
    assert SessionTokens([KEY]).verify(token) == session.key
    #{% endif %}
    assert session._replace(key=b"") == SESSION
    assert len(session.key) == 32


def test_the_first_key_signs_and_all_verify() -> None:
    old, new = generate(OLD_KEY), generate(KEY, OLD_KEY)
    assert SessionTokens([KEY, OLD_KEY]).verify(old)
    assert SessionTokens([KEY]).verify(new)
    assert SessionTokens([KEY]).verify(old) is None
    assert SessionTokens([OLD_KEY]).verify(new) is None


async def test_the_session_token_is_in_no_body_and_no_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await client.register()
    bodies = [(await client.sign_in()).text]
    token = str(client.token)
    for path in ("/api/me", "/api/session", "/test/values"):
        bodies.append((await client.get(path)).text)
    await client.post("/api/logout")
    assert "session_created" in caplog.text
    for text in (*bodies, caplog.text):
        for part in filter(None, token.split(".")):
            assert part not in text
