"""What the security log says, and what it never says (ASVS 5.0 V16)."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.client import PASSWORD, Client
from tests.people import ALICE


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [each.getMessage() for each in caplog.records if each.name == "app.security"]
    return [json.loads(line) for line in lines]


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.security")


async def test_the_life_of_a_session_is_logged_event_by_event(
    client: Client, other: Client, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, new = "not the right password", "quite another set of words"
    await client.register(ALICE)
    await client.sign_in(ALICE)
    await other.sign_in(ALICE, wrong)
    body = {"current_password": PASSWORD, "new_password": new}
    await client.post("/api/password", json=body)
    await client.get("/test/admin")
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
    assert events(caplog)[2]["amr"] == "pwd"
    age = datetime.now(UTC) - datetime.fromisoformat(created["datetime"])
    assert abs(age.total_seconds()) < 3600
    failed = events(caplog)[3]
    assert (failed["actor"], failed["level"]) == (1, "WARN")
    assert events(caplog)[7]["level"] == "WARN"
    for secret in (PASSWORD, wrong, new, ALICE):
        assert secret not in caplog.text


async def test_events_that_somebody_should_look_at_are_warnings(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(6):
        await client.sign_in(ALICE, "not the right password")
    await client.post("/api/login", headers={"sec-fetch-site": "cross-site"})
    names = [each["event"] for each in events(caplog)]
    assert names == ["authn_login_fail"] * 5 + ["authn_login_fail_max", "malicious_cors"]
    assert {each.levelname for each in caplog.records if each.name == "app.security"} == {"WARNING"}


async def test_the_right_password_of_a_disabled_account_is_logged_as_a_failure(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.register()
    await client.app.state.services.users.disable(ALICE)
    caplog.clear()
    await client.sign_in()
    [event] = events(caplog)
    assert (event["event"], event["actor"]) == ("authn_login_fail", 1)
