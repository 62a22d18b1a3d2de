"""An attacker sends bodies and headers that are not meant to be sent."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import select
from starlette.responses import StreamingResponse

from app.models import User
from app.web.dependencies import CurrentUser, public
from tests.attacks.stories import Target, story
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Start
from tests.people import ALICE, FIELD, REGISTERED
from tests.routes import SAFE_METHODS, http_routes

NAME = FIELD.encode()
LIMIT = 65_536
TOO_LARGE = {"detail": "The request body is too large."}
JSON = {"content-type": "application/json"}


async def chunks(size: int) -> AsyncIterator[bytes]:
    """Yield a body without saying how long it is."""
    for start in range(0, size, 1000):
        yield b"x" * min(1000, size - start)


@story("mass assignment", promise=43)
async def test_extra_fields_change_nothing(target: Target) -> None:
    """Register with a role, an id and more that nobody has asked for."""
    client, name = target.browser(), target.newcomer()
    more: dict[str, Any] = {"role": "admin", "id": 7, "is_active": False}
    target.expect(await client.register(name, **more), REGISTERED)
    user = target.expect(await client.sign_in(name), 200).json()
    target.hold((user[FIELD], user["role"]) == (name, "user"), "the role is that of every user")


async def test_what_is_on_its_way_is_read_before_the_connection_is_closed(client: Client) -> None:
    sent = []

    async def send() -> AsyncIterator[bytes]:
        async for part in chunks(3 * LIMIT):
            sent.append(part)
            yield part

    assert (await client.post("/api/login", content=send(), headers=JSON)).status_code == 413
    assert len(b"".join(sent)) == 3 * LIMIT


async def test_what_is_streamed_comes_to_its_end_whatever_is_sent_beside(client: Client) -> None:
    @public
    async def stream() -> StreamingResponse:
        return StreamingResponse(map(str, range(9)))

    client.app.add_api_route("/stream", stream, methods=["POST"])
    for content in (b"x" * (LIMIT + 1), chunks(3 * LIMIT)):
        response = await client.post("/stream", content=content)
        assert (response.status_code, response.text) == (200, "012345678")


async def test_no_field_makes_a_user_an_administrator(client: Client) -> None:
    await client.signed_in()
    extra = {
        "role": "admin",
        "id": 7,
        "is_active": False,
        "session_version": 9,
        "password_hash": "x",
    }
    bodies: dict[str, dict[str, Any]] = {
        "/api/login": {FIELD: ALICE, "password": PASSWORD},
        "/api/confirm": {"password": PASSWORD},
        "/api/password": {"current_password": PASSWORD, "new_password": PASSWORD + "!"},
    }
    for path, body in bodies.items():
        assert (await client.post(path, json={**body, **extra})).is_success
    assert (await client.get("/api/me")).json() == {"id": 1, FIELD: ALICE, "role": "user"}
    user = await client.app.state.services.database.fetch_one(select(User.role, User.is_active))
    assert tuple(user) == ("user", True)
    assert (await client.get("/test/admin")).status_code == 403


FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "")


@story("JSON in a form", promise=30)
async def test_the_api_takes_json_and_nothing_that_a_form_can_send(target: Target) -> None:
    """Send JSON as a form of another site can: with each of its content types, or none."""
    client = await target.signed_in(target.alice)
    before = client.token
    fields = (FIELD, "password", "current_password", "new_password", "confirm")
    body = json.dumps(dict.fromkeys(fields, PASSWORD)).encode()
    for content_type in FORM_TYPES:
        headers = {"content-type": content_type} if content_type else {}
        for path in ("register", "login", "confirm", "password", "me/delete"):
            response = await client.post(f"/api/{path}", content=body, headers=headers)
            target.expect(response, 422)
    target.hold(client.token == before, "the session is unchanged")


async def test_an_error_does_not_repeat_what_was_sent(client: Client) -> None:
    body = {FIELD: [ALICE], "password": {"my secret": PASSWORD}}
    response = await client.post("/api/login", json=body)
    assert response.status_code == 422
    assert PASSWORD not in response.text


async def test_a_nul_character_is_refused_as_invalid(client: Client) -> None:
    for path in ("/api/login", "/api/register"):
        response = await client.post(path, json={FIELD: f"{ALICE}\0", "password": PASSWORD})
        assert response.status_code == 422
        assert "not allowed" in response.text


async def test_a_lone_surrogate_is_refused_as_invalid(client: Client) -> None:
    body = b'{"' + NAME + b'": "\\ud800", "password": "\\udfff"}'
    for path in ("/api/login", "/api/register"):
        response = await client.post(path, content=body, headers=JSON)
        assert response.status_code == 422


@story("oversized body", promise=44)
async def test_no_body_over_the_limit_is_read(target: Target) -> None:
    """Send more than a route takes: announced, and in chunks that nothing announces."""
    client = await target.signed_in(target.alice)
    for path in ("/api/login", "/api/confirm"):
        for content in (b"x" * (LIMIT + 1), chunks(LIMIT + 1)):
            response = await client.post(path, content=content, headers=JSON)
            assert target.expect(response, 413).json() == TOO_LARGE
    target.hold(await client.is_signed_in(), "the session is unchanged")


async def test_a_body_over_the_limit_is_refused_before_it_is_read(client: Client) -> None:
    await client.signed_in()
    for length in (str(LIMIT + 1), "99999999999999999999999", "1" * 5000):
        headers = JSON | {"content-length": length}
        response = await client.post("/api/confirm", headers=headers)
        assert (response.status_code, response.json()) == (413, TOO_LARGE), length
    assert await client.is_signed_in()


async def test_a_chunked_body_over_the_limit_is_refused(client: Client) -> None:
    await client.signed_in()
    for headers in (JSON, JSON | {"content-length": "0"}, JSON | {"content-length": "+1"}):
        for path in ("/api/login", "/api/confirm"):
            response = await client.post(path, content=chunks(LIMIT), headers=headers)
            assert response.status_code == 422, headers
            response = await client.post(path, content=chunks(LIMIT + 1), headers=headers)
            assert (response.status_code, response.json()) == (413, TOO_LARGE), headers


@pytest.mark.parametrize("length", ["", str(LIMIT + 1)])
async def test_no_connection_stays_open_over_which_a_body_goes_on(
    client: Client, length: str
) -> None:
    """The server would read on for as long as somebody sends."""
    headers = {"content-length": length} if length else {"transfer-encoding": "chunked"}
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/health/live", 200),
        ("GET", "/api/me", 401),
        ("DELETE", "/api/login", 405),
    ):
        response = await client.request(method, path, headers=headers)
        assert response.status_code == status
        assert response.headers["connection"] == "close"
    content = chunks(LIMIT + 1)
    response = await client.post("/api/login", content=content, headers=JSON | headers)
    assert (response.status_code, response.headers["connection"]) == (413, "close")
    # What was read to its end may be followed by the next request.
    response = await client.post("/api/login", content=chunks(1), headers=JSON)
    assert response.status_code == 422
    assert "connection" not in response.headers


async def test_a_route_may_allow_larger_bodies(client: Client) -> None:
    async def upload(request: Request, _: CurrentUser) -> int:
        return len(await request.body())

    client.app.add_api_route("/upload", upload, methods=["POST"], max_body_size=4 * LIMIT)
    client.app.add_api_route("/plain", upload, methods=["POST"])
    await client.signed_in()
    for path, limit in (("/upload", 4 * LIMIT), ("/plain", LIMIT)):
        for size in (LIMIT, LIMIT + 1, 4 * LIMIT, 4 * LIMIT + 1):
            for content in (b"x" * size, chunks(size)):
                response = await client.post(path, content=content)
                assert response.status_code == (200 if size <= limit else 413), (path, size)
                assert response.is_error or response.json() == size


async def test_a_malformed_content_length_is_no_server_error(client: Client) -> None:
    for length in ("\xb2", "-1", "1e9", ""):
        headers = [(b"content-length", length.encode("latin-1"))]
        assert (await client.post("/api/logout", headers=headers)).status_code < 500


BODIES = [
    b"",
    b"null",
    b"{",
    b"\xff\xfe",
    b'{"' + NAME + b'": 1, "password": true, "remember": "yes"}',
    b'{"' + NAME + b'": "a\\u0000b", "password": "a\\u0000b"}',
    b'{"' + NAME + b'": null, "password": {"a": []}}',
    b"[" * 5000 + b"]" * 5000,
    b'{"' + NAME + b'": "' + b"a" * 60_000 + b'", "password": "x"}',
    b"NaN",
    NAME + b"=%00&password=%ff&remember=yes",
    NAME + b"=" + b"a" * 60_000,
]


async def test_no_body_makes_a_route_fail(start: Start) -> None:
    client = Client(await start(login_max_failures=1_000_000))
    forms = {"content-type": "application/x-www-form-urlencoded"}
    for method, path in http_routes():
        if method in SAFE_METHODS:
            continue
        for number, body in enumerate(BODIES):
            # The pages take forms and the API takes JSON; each gets some of the other, too.
            takes_json = path.startswith(("/api/", "/test/")) == (number % 5 > 0)
            # Some routes end the session, or the account.
            if not client.token:
                await client.signed_in()
            headers = JSON if takes_json else forms
            response = await client.request(method, path, content=body, headers=headers)
            assert response.status_code < 500, f"{method} {path} {body[:40]!r}"
            assert response.status_code != 401 or path.endswith("/login")


async def test_oversized_input_is_refused_or_ignored(client: Client) -> None:
    await client.signed_in()
    long = "x" * 60_000
    ours = f"{COOKIE}={client.token}"
    others = "; ".join(f"c{number}={long[:60]}" for number in range(1000))
    assert (await client.send_cookie(f"{others}; {ours}")).status_code == 200
    assert (await client.get("/api/me", headers={"user-agent": long})).status_code == 200
    assert (await client.get("/api/me", params={"next": long})).status_code == 200
    assert (await client.get(f"/{long}")).status_code == 404
    assert (await client.put(f"/test/values/{long}", json=1)).status_code == 422
    for body in ({FIELD: long, "password": "x"}, {FIELD: "x", "password": long}):
        for path in ("/api/login", "/api/register"):
            assert (await client.post(path, json=body)).status_code == 422
    many = {f"field{number}": number for number in range(2000)}
    assert (await client.post("/api/login", json=many)).status_code == 422
    assert await client.is_signed_in()


async def test_a_length_that_is_announced_twice_is_refused(client: Client) -> None:
    twice = {"content-length": "2", "transfer-encoding": "chunked"}
    response = await client.post("/api/logout", content=b"{}", headers=twice)
    assert response.status_code == 400
    assert response.headers["connection"] == "close"
