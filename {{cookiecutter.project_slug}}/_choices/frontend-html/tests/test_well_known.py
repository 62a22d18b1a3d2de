"""What programs look for at an address that is the same everywhere."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.pages import well_known
from tests.client import Client
from tests.conftest import Clock

SECURITY_TXT = "/.well-known/security.txt"


async def test_password_managers_find_the_form_for_a_new_password(client: Client) -> None:
    response = await client.get("/.well-known/change-password")
    assert (response.status_code, response.headers["location"]) == (303, "/account")
    # They ask for this one to find out whether the app answers 200 to everything.
    nothing = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert (await client.get(nothing)).status_code == 404


async def test_search_engines_are_told_to_leave_the_api_alone(client: Client) -> None:
    response = await client.get("/robots.txt")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.splitlines() == ["User-agent: *", "Disallow: /api/"]


async def test_your_security_txt_is_shown_until_it_expires(
    client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(well_known, "STATIC", tmp_path)
    assert (await client.get(SECURITY_TXT)).status_code == 404
    expires = datetime.fromtimestamp(clock(), UTC) + timedelta(hours=1)
    text = f"Contact: mailto:security@example.com\nExpires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"
    (tmp_path / "security.txt").write_text(text)
    response = await client.get(SECURITY_TXT)
    assert (response.status_code, response.text) == (200, text)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    clock.turn(3601)
    assert (await client.get(SECURITY_TXT)).status_code == 404


@pytest.mark.parametrize("expires", ["", "Expires: next year\n"])
async def test_a_security_txt_without_a_date_is_not_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expires: str
) -> None:
    monkeypatch.setattr(well_known, "STATIC", tmp_path)
    (tmp_path / "security.txt").write_text(f"Contact: mailto:security@example.com\n{expires}")
    assert (await client.get(SECURITY_TXT)).status_code == 404
