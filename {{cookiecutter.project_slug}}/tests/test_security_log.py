"""What the security log says, and what it never says."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from app import security_log
from tests.client import PASSWORD, Client


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [each.getMessage() for each in caplog.records if each.name == "app.security"]
    return [json.loads(line) for line in lines]


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.security")


async def test_a_life_of_a_session_is_told_event_by_event(
    client: Client, other: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.signed_in()
    await other.sign_in("alice", "not the right password")
    new = {"current_password": PASSWORD, "new_password": "quite another set of words"}
    await client.post("/api/password", json=new)
    await client.get("/api/admin/users")
    await client.post("/api/logout")
    assert [each["event"] for each in events(caplog)] == [
        "user_created",
        "session_created",
        "authn_login_success",
        "authn_login_fail",
        "authn_password_change",
        "session_renewed",
        "session_expired",
        "authz_fail",
        "session_expired",
    ]
    assert [each["address"] for each in events(caplog)][2:4] == ["192.0.2.1", "198.51.100.7"]
    created = events(caplog)[1]
    assert len(created["session"]) == 12
    assert created["actor"] == 1
    assert (datetime.now(UTC) - datetime.fromisoformat(created["datetime"])).seconds < 3600
    failed = events(caplog)[3]
    assert (failed["actor"], failed["level"]) == (1, "WARN")
    assert events(caplog)[7]["level"] == "WARN"
    assert PASSWORD not in caplog.text


async def test_what_somebody_should_look_at_is_a_warning(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(6):
        await client.sign_in("alice", "not the right password")
    await client.post("/api/login", headers={"sec-fetch-site": "cross-site"})
    names = [each["event"] for each in events(caplog)]
    assert names == ["authn_login_fail"] * 5 + ["authn_login_fail_max", "malicious_cors"]
    assert {each.levelname for each in caplog.records if each.name == "app.security"} == {"WARNING"}


async def test_a_right_password_for_a_closed_account_is_told_as_a_failure(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.register()
    await client.app.state.services.users.disable("alice")
    caplog.clear()
    await client.sign_in()
    [event] = events(caplog)
    assert (event["event"], event["actor"]) == ("authn_login_fail", 1)


def test_it_goes_to_standard_error_where_nothing_else_is_set_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.Logger("app.security")
    monkeypatch.setattr(security_log, "LOGGER", logger)
    security_log.write_to_stderr()
    security_log.write_to_stderr()
    security_log.event("session_created", actor=1)
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "session_created"
