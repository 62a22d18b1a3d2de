"""Notes, written as the documentation of FastAPI and pytest teaches."""

import hashlib
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.config import Settings
from app.main import create_app
from app.models import User
from app.web.dependencies import current_user
from tests.client import PASSWORD, Client
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB, CAROL, FIELD


async def test_users_write_and_change_and_delete_their_notes(client: Client) -> None:
    await client.signed_in()
    data = {"title": "Milk", "tags": ["shop", "shop", "food"]}
    response = await client.post("/notes", json=data)
    assert response.status_code == 201
    note = response.json()
    assert [tag["name"] for tag in note["tags"]] == ["food", "shop"]
    assert (await client.get(f"/notes/{note['id']}/tags/0")).json() in {"food", "shop"}
    assert (await client.get(f"/notes/{note['id']}/tags/2")).status_code == 404
    response = await client.patch(f"/notes/{note['id']}", json={"text": "Two litres"})
    assert response.json() == {**note, "text": "Two litres"}
    assert (await client.get(f"/notes/{note['id']}")).json()["title"] == "Milk"
    assert (await client.delete(f"/notes/{note['id']}")).status_code == 204
    assert (await client.get("/notes")).json() == {"notes": [], "count": 0}


async def test_notes_come_in_pages_and_by_tag(client: Client) -> None:
    await client.signed_in()
    for number in range(5):
        await client.post("/notes", json={"title": f"Note {number}", "tags": [f"t{number % 2}"]})
    page = (await client.get("/notes", params={"offset": 1, "limit": 2})).json()
    assert [note["title"] for note in page["notes"]] == ["Note 1", "Note 2"]
    assert page["count"] == 5
    tagged = (await client.get("/notes", params={"tag": "t1"})).json()
    assert [note["title"] for note in tagged["notes"]] == ["Note 1", "Note 3"]


async def test_notes_of_others_are_not_found(client: Client, other: Client) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(BOB)
    note = (await client.post("/notes", json={"title": "Secret"})).json()
    for method in ("GET", "DELETE"):
        assert (await other.request(method, f"/notes/{note['id']}")).status_code == 404
    assert (await other.patch(f"/notes/{note['id']}", json={"title": "x"})).status_code == 404
    assert (await other.get("/v1/notes/count")).json() == 0


async def test_a_notebook_has_a_limit(start: Start) -> None:
    client = Client(await start(notes_per_user=1))
    await client.signed_in()
    assert (await client.post("/notes", json={"title": "One"})).status_code == 201
    response = await client.post("/notes", json={"title": "Two"})
    assert (response.status_code, response.json()) == (409, {"detail": "1 notes are enough."})


async def test_writing_is_rate_limited(client: Client) -> None:
    await client.signed_in()
    for _ in range(30):
        assert (await client.post("/notes", json={"title": "x"})).status_code == 201
    assert (await client.post("/notes", json={"title": "x"})).status_code == 429


async def test_editors_count_all_notes(client: Client, other: Client) -> None:
    await other.signed_in(BOB)
    await other.post("/notes", json={"title": "x"})
    assert (await other.get("/notes/all")).status_code == 403
    await client.signed_in(ALICE, role="editor")
    assert (await client.get("/notes/all")).json() == 1


async def test_files_are_uploaded_up_to_their_own_limit(client: Client) -> None:
    await client.signed_in()
    content = b"x" * 5_000_000
    response = await client.put("/files/a.bin", content=content)
    assert response.json()["sha256"] == hashlib.sha256(content).hexdigest()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    assert (await client.put("/files/b.bin", content=chunks())).json()["size"] == 5_000_000
    assert (await client.put("/files/c.bin", content=b"x" * 6_000_001)).status_code == 413


async def test_an_export_is_streamed(client: Client) -> None:
    await client.signed_in()
    assert (await client.get("/files/export")).text.count("\n") == 1001


async def test_responses_of_every_kind_are_ours_to_choose(client: Client) -> None:
    response = await client.get("/files/theme")
    assert client.cookies["theme"] == "dark"
    assert response.headers["content-security-policy"] == "default-src 'self'"
    assert response.headers["x-frame-options"] == "SAMEORIGIN"
    assert "x-process-time" in response.headers
    assert (await client.get("/files/elsewhere")).headers["location"] == "https://example.com/"
    assert (await client.get("/files/closed")).status_code == 503
    assert (await client.get("/files/partners")).status_code == 401


async def test_clients_of_the_api_get_json(client: Client) -> None:
    response = await client.post("/v1/notes/check", json={"title": "x"})
    assert (response.status_code, response.json()) == (401, {"detail": "Sign in first."})
    await client.signed_in()
    response = await client.post("/v1/notes/check", json={"title": ""})
    assert (response.status_code, response.json()["detail"][0]["loc"]) == (422, ["body", "title"])
    assert (await client.get("/reports/summary")).json() == f"Nothing new, {ALICE}"


async def test_a_mounted_app_is_protected(client: Client) -> None:
    assert (await client.get("/reports/summary")).status_code == 401


async def test_a_dependency_can_be_overridden(app: FastAPI) -> None:
    app.dependency_overrides[current_user] = lambda: User(id=7, name=CAROL, role="user")
    assert (await Client(app).get("/reports/summary")).status_code == 401
    assert (await Client(app).get("/v1/notes/count")).json() == 0


@pytest.mark.filterwarnings("default")
def test_the_test_client_of_fastapi_works(settings: dict[str, object], clock: Clock) -> None:
    app = create_app(Settings.load(**settings), clock)
    with TestClient(app, base_url="https://localhost") as client:
        assert client.portal
        client.portal.call(app.state.services.users.register, ALICE, PASSWORD)
        user = {FIELD: ALICE, "password": PASSWORD}
        assert client.post("/api/login", json=user).status_code == 200
        assert client.post("/notes", json={"title": "Milk"}).status_code == 201
        assert client.get("/notes").json()["count"] == 1
        assert app.state.greeting == "Hello"
