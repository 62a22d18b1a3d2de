"""The token: unguessable, signed, of one spelling."""

import base64
import random

import pytest

from app.sessions.session import Session
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
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    ip="",
    user_agent="",
    #{% endif %}
)


def issue(*keys: str) -> str:
    """Make a token with these keys."""
    return SessionTokens(keys).issue(SESSION)[0]


#{% if cookiecutter.session_backend == "signed-cookie" %}
def random_part(token: str) -> bytes:
    session = SessionTokens([KEY]).read(token)
    assert session is not None
    return session.key
#{% else %}
def random_part(token: str) -> bytes:
    return base64.urlsafe_b64decode(token.split(".")[0] + "=")
#{% endif %}


def test_each_is_new_and_has_a_sha256_signature() -> None:
    tokens = {issue(KEY) for _ in range(1000)}
    assert len(tokens) == 1000
    for token in tokens:
        assert len(base64.urlsafe_b64decode(token.split(".")[-1] + "=")) == 32


def test_all_256_bits_are_random_and_not_of_the_generator_that_can_be_predicted() -> None:
    ones, zeros = 0, 0
    for _ in range(100):
        random.seed(1)
        bits = int.from_bytes(random_part(issue(KEY)))
        ones, zeros = ones | bits, zeros | ~bits
    assert ones == 2**256 - 1
    assert zeros == -1


@pytest.mark.parametrize("keys", [[], ["short"], [KEY, ""], KEY], ids=repr)
def test_keys_that_could_be_guessed_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        SessionTokens(keys)


def test_it_names_the_session_that_it_was_issued_for() -> None:
    token, session = SessionTokens([KEY]).issue(SESSION)
    #{% if cookiecutter.session_backend == "signed-cookie" %}
    assert SessionTokens([KEY]).read(token) == session
    #{% else %}
    assert SessionTokens([KEY]).read(token) == session.key
    #{% endif %}
    assert session._replace(key=b"") == SESSION
    assert len(session.key) == 32


def test_the_first_key_signs_and_all_verify() -> None:
    old, new = issue(OLD_KEY), issue(KEY, OLD_KEY)
    assert SessionTokens([KEY, OLD_KEY]).read(old)
    assert SessionTokens([KEY]).read(new)
    assert SessionTokens([KEY]).read(old) is None
    assert SessionTokens([OLD_KEY]).read(new) is None


async def test_it_is_in_no_body_and_no_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await client.register()
    bodies = [(await client.sign_in()).text]
    token = str(client.token)
    for path in ("/api/me", "/api/session", "/api/session/data"):
        bodies.append((await client.get(path)).text)
    await client.post("/api/logout")
    for text in (*bodies, caplog.text):
        for part in filter(None, token.split(".")):
            assert part not in text
