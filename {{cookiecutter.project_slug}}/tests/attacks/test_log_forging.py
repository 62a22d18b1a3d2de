"""An attacker writes into the security log what never happened."""

import hashlib
import hmac
import json
import logging

import pytest
from sqlalchemy import select

from app import security_log
from app.models import LoginAttempt
from tests.client import Client
from tests.conftest import KEY, Start
from tests.people import ALICE, name_of
from tests.test_security_log import events

TYPED = "my-secret-password"


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.security")


@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\r\n{}", "a\u2028b", "a%sb", "日本"], ids=ascii)
def test_no_value_can_forge_a_log_line(caplog: pytest.LogCaptureFixture, text: str) -> None:
    security_log.event("session_created", actor=text, detail=text)
    [record] = caplog.records
    line = record.getMessage()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["actor"] == text


@pytest.mark.parametrize(
    "text", ['x", "event": "authn_login_success', "x\n{}", "x\u2028{}"], ids=ascii
)
async def test_no_user_name_or_user_agent_can_forge_a_log_line(
    client: Client, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    await client.sign_in(text, "not the right password")
    client.headers["user-agent"] = text.encode("ascii", "replace").decode().replace("\n", " ")
    await client.register()
    await client.sign_in()
    for record in caplog.records:
        if record.name == "app.security":
            assert record.getMessage().isprintable()
    names = [each["event"] for each in events(caplog)]
    assert names[-3:] == ["user_created", "session_created", "authn_login_success"]
    assert names[:-3] in ([], ["authn_login_fail"])


async def test_what_was_typed_as_a_user_name_is_not_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(6):
        await client.sign_in(name_of(TYPED), ALICE)
    assert len(events(caplog)) == 6
    assert TYPED not in caplog.text
    assert len({each["name_hash"] for each in events(caplog)}) == 1


async def test_whoever_reads_table_and_log_cannot_find_out_a_typed_name_by_trying(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    typed = name_of(TYPED).encode()
    apps = [await start(secret_keys=keys) for keys in (KEY, f"{KEY}2,{KEY}")]
    for app in apps:
        await Client(app).sign_in(typed.decode(), ALICE)
    rows = await apps[0].state.services.database.fetch_all(select(LoginAttempt.name_hash))
    kept = {row.name_hash for row in rows}
    assert len(kept) == 2
    assert hashlib.sha256(typed).digest() not in kept
    # Nor do they help against what else the key is for.
    assert hmac.digest(KEY.encode(), typed, "sha256") not in kept
    assert {each["name_hash"] for each in events(caplog)} == set(map(security_log.short, kept))
