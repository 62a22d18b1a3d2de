"""Headers that hold on every answer. The recorder looks at each; here are those of every kind."""

import httpx2
import pytest

from tests.client import Client
from tests.conftest import PRODUCTION, Start


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/public", 200),
        ("GET", "/docs", 200),
        ("GET", "/api/me", 401),
        ("GET", "/nowhere", 404),
        ("POST", "/api/me", 405),
        ("POST", "/api/login", 422),
        ("GET", "/health/ready", 200),
        #{% if cookiecutter.frontend == "html" %}
        ("GET", "/", 303),
        ("GET", "/login", 200),
        ("GET", "/static/style.css", 200),
        ("GET", "/static/nowhere", 404),
        #{% endif %}
    ],
)
async def test_every_answer_has_them(client: Client, method: str, path: str, status: int) -> None:
    response = await client.request(method, path)
    assert response.status_code == status


async def test_even_the_answer_of_last_resort_has_them_and_no_details(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret details")

    monkeypatch.setattr(client.app.state.services.sessions, "load_with_user", broken)
    for path in ("/api/me", "/api/data"):
        response = await client.send_cookie("__Host-Http-session=x", path)
        assert response.status_code == 500
        assert "secret details" not in response.text
        assert "ZeroDivisionError" not in response.text


async def test_so_has_a_refused_host(client: Client) -> None:
    response = await client.get("/api/public", headers={"host": "evil.example"})
    assert response.status_code == 400


async def test_a_wrong_method_is_told_every_right_one(client: Client) -> None:
    for path, methods in {
        "/api/me": "DELETE, GET",
        "/api/session/data/theme": "DELETE, PUT",
        "/api/data": "GET",
    }.items():
        response = await client.request("PATCH", path)
        assert response.status_code == 405
        assert response.headers["allow"] == methods


async def test_whatever_depended_on_a_session_is_not_stored(client: Client) -> None:
    await client.register()
    responses = [await client.sign_in()]
    for path in ("/api/me", "/api/session", "/api/session/data"):
        responses.append(await client.get(path))
    responses.append(await client.post("/api/logout"))
    responses.append(await client.get("/api/me"))
    for response in responses:
        assert response.headers["cache-control"] == "no-store", response.url
        assert "Cookie" in response.headers["vary"], response.url


async def test_what_is_public_looks_at_no_session(client: Client, statements: list[str]) -> None:
    await client.signed_in()
    statements.clear()
    response = await client.get("/api/public")
    assert response.status_code == 200
    assert "vary" not in response.headers
    assert statements == []


async def test_production_speaks_https_only(start: Start) -> None:
    app = await start(**PRODUCTION, allow_registration=True)
    client = Client(app)
    response = await client.get("/api/public")
    assert response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    client.base_url = httpx2.URL("http://localhost")
    for path in ("/nowhere", "/api/login"):
        response = await client.post(path)
        assert response.status_code == 307
        assert response.headers["location"] == f"https://localhost{path}"
        assert "strict-transport-security" not in response.headers
        assert "set-cookie" not in response.headers
    for host in ("localhost", "10.0.0.7:8000"):
        response = await client.get("/health/live", headers={"host": host})
        assert response.status_code == 200


async def test_a_header_does_not_make_http_https(start: Start) -> None:
    client = Client(await start(**PRODUCTION))
    # As uvicorn hands it on when it believes the header.
    response = await client.get("/api/public", headers={"x-forwarded-proto": "https"})
    assert response.status_code == 307
    assert "strict-transport-security" not in response.headers


async def test_development_does_not_pin_localhost_to_https(client: Client) -> None:
    response = await client.get("/api/public")
    assert "strict-transport-security" not in response.headers
