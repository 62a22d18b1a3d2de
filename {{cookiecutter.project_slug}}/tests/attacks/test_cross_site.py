"""Another site makes a user's browser send something (CSRF)."""

import pytest
from starlette.datastructures import Headers

from app.web.csrf import cross_origin_error
from tests.client import ORIGIN, PASSWORD, Client
from tests.conftest import Start
from tests.people import ALICE, FIELD, MALLORY
from tests.routes import SAFE_METHODS, http_routes

FRONT_END = "https://front.example"

# Method, Sec-Fetch-Site, Origin, and whether the request is allowed.
CASES = [
    ("POST", "same-origin", ORIGIN, True),
    ("POST", "same-origin", "null", True),
    ("POST", "none", None, True),
    ("POST", "none", ORIGIN, True),
    ("POST", "none", "https://evil.example", False),
    ("POST", "same-origin", "https://evil.example", False),
    ("POST", "same-origin", "http://localhost", False),
    ("POST", "cross-site", "https://evil.example", False),
    ("POST", "cross-site", None, False),
    ("POST", "cross-site", ORIGIN, False),
    ("POST", "same-site", "https://sub.localhost", False),
    ("POST", "same-site", ORIGIN, False),
    ("POST", "SAME-ORIGIN", ORIGIN, False),
    ("POST", "unheard-of", ORIGIN, False),
    ("POST", "cross-site", FRONT_END, True),
    ("POST", None, FRONT_END, True),
    ("POST", "cross-site", FRONT_END + ".evil.example", False),
    ("POST", "cross-site", FRONT_END + ":8443", False),
    ("POST", "cross-site", "http://front.example", False),
    ("POST", None, ORIGIN, True),
    ("POST", None, "null", False),
    ("POST", None, "https://localhost.evil.example", False),
    ("POST", None, "https://localhost:444", False),
    ("POST", None, "http://localhost", False),
    ("POST", None, "https://LOCALHOST", False),
    ("POST", None, None, True),
    ("PUT", "cross-site", None, False),
    ("PATCH", "cross-site", None, False),
    ("DELETE", "cross-site", None, False),
    ("UNHEARD", "cross-site", None, False),
    ("GET", "cross-site", "https://evil.example", True),
    ("HEAD", "cross-site", "https://evil.example", True),
    ("OPTIONS", "cross-site", "https://evil.example", True),
    ("CONNECT", None, "https://evil.example", False),
]


def error(method: str, sites: list[str], origins: list[str]) -> str | None:
    """Return why a request with these headers is refused."""
    sent = [("host", "localhost")]
    sent += [("sec-fetch-site", site) for site in sites]
    sent += [("origin", origin) for origin in origins]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent]
    return cross_origin_error(method, "https", Headers(raw=raw), {FRONT_END})


@pytest.mark.parametrize(("method", "site", "origin", "allowed"), CASES)
def test_only_the_app_itself_and_trusted_origins_may_change_things(
    method: str, site: str | None, origin: str | None, allowed: bool
) -> None:
    reason = error(method, [site] if site else [], [origin] if origin else [])
    assert (reason is None) == allowed


@pytest.mark.parametrize(
    ("sites", "origins"), [(["same-origin"] * 2, [ORIGIN]), ([], [ORIGIN, ORIGIN])]
)
def test_a_header_that_is_sent_twice_is_refused(sites: list[str], origins: list[str]) -> None:
    assert error("POST", sites, origins)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_every_unsafe_route_refuses_other_sites_and_siblings(
    client: Client, site: str
) -> None:
    await client.signed_in()
    body = {FIELD: ALICE, "password": PASSWORD}
    for method, path in http_routes():
        if method in SAFE_METHODS:
            continue
        for headers in (
            {"sec-fetch-site": site},
            {"sec-fetch-site": site, "origin": "https://evil.localhost"},
            {"origin": "https://localhost.evil.example"},
            {"origin": "null"},
        ):
            response = await client.request(method, path, data=body, headers=headers)
            assert response.status_code == 403, f"{method} {path}"
            assert "This request was refused" in response.json()["detail"]
            assert "set-cookie" not in response.headers
    assert await client.is_signed_in()


async def test_login_csrf_is_refused(client: Client) -> None:
    """Whatever the victim then entered would be the attacker's to read."""
    await client.register(MALLORY)
    client.headers["sec-fetch-site"] = "cross-site"
    assert (await client.sign_in(MALLORY)).status_code == 403
    assert client.token is None


async def test_no_spelling_of_method_or_path_evades_the_check(client: Client) -> None:
    await client.signed_in()
    for method in ("POST", "post", "PATCH", "PROPFIND"):
        for path in ("/nowhere", "//api/logout", "/api/logout/"):
            headers = {"sec-fetch-site": "cross-site"}
            response = await client.request(method, path, headers=headers)
            assert response.status_code == 403, f"{method} {path}"


async def test_a_trusted_front_end_may_sign_in(start: Start) -> None:
    client = Client(await start(trusted_origins=FRONT_END))
    await client.register()
    client.headers.update({"origin": FRONT_END, "sec-fetch-site": "cross-site"})
    assert (await client.sign_in()).status_code == 200
    client.headers["origin"] = "https://other.example"
    assert (await client.sign_in()).status_code == 403
