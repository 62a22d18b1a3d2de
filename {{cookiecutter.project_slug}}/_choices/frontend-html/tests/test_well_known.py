"""What programs look for at an address that is the same everywhere."""

from pathlib import Path

import pytest
from fastapi.staticfiles import StaticFiles

from app.pages import well_known
from tests.client import Client


async def test_password_managers_find_the_form_for_a_new_password(client: Client) -> None:
    response = await client.get("/.well-known/change-password")
    assert (response.status_code, response.headers["location"]) == (303, "/account")
    # They ask for this one to find out whether the app answers 200 to everything.
    nothing = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert (await client.get(nothing)).status_code == 404


async def test_search_engines_are_told_what_not_to_read(client: Client) -> None:
    response = await client.get("/robots.txt")
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text.startswith("User-agent: ")


async def test_your_contact_for_researchers_is_shown_once_you_have_written_it_down(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(well_known, "FILES", StaticFiles(directory=tmp_path))
    path = "/.well-known/security.txt"
    assert (await client.get(path)).status_code == 404
    text = "Contact: mailto:security@example.com\nExpires: 2030-01-01T00:00:00Z\n"
    (tmp_path / "security.txt").write_text(text)
    response = await client.get(path)
    assert (response.status_code, response.text) == (200, text)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
