"""Another site makes a user's browser send something (CSRF)."""

import pytest
from starlette.datastructures import Headers

from app.web.csrf import cross_origin_error
from tests.attacks.stories import Target, story
from tests.client import ORIGIN, PASSWORD, Client
from tests.conftest import Start
from tests.people import FIELD
from tests.routes import SAFE_METHODS

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


SENDERS = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "cross-site", "origin": "https://evil.localhost"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "same-site", "origin": "https://evil.localhost"},
    {"origin": "https://localhost.evil.example"},
    {"origin": "null"},
]


@story("cross-site request forgery", promise=28)
async def test_every_unsafe_route_refuses_other_sites_and_siblings(target: Target) -> None:
    """Let pages of other sites and sibling subdomains post everywhere with a victim's cookie."""
    client = await target.signed_in(target.alice)
    body = {FIELD: target.alice, "password": PASSWORD}
    for method, path in target.routes:
        if method in SAFE_METHODS:
            continue
        for headers in SENDERS:
            response = await client.request(method, path, data=body, headers=headers)
            target.expect(response, 403)
            assert "This request was refused" in response.json()["detail"], path
            assert "set-cookie" not in response.headers, path
    target.hold(await client.is_signed_in(), "the victim is still signed in")


@story("login CSRF", promise=28)
async def test_login_csrf_is_refused(target: Target) -> None:
    """Sign a victim in to the attacker's account from another site.

    Whatever the victim then entered would be the attacker's to read.
    """
    await target.signed_in(target.mallory)
    victim = target.browser()
    victim.headers["sec-fetch-site"] = "cross-site"
    target.expect(await victim.sign_in(target.mallory), 403)
    target.hold(victim.token is None, "the victim has no cookie")


@story("forgery under another spelling", promise=28)
async def test_no_spelling_of_method_or_path_evades_the_check(target: Target) -> None:
    """Post from another site with unusual methods and paths."""
    client = await target.signed_in(target.alice)
    for method in ("POST", "post", "PATCH", "PROPFIND"):
        for path in ("/nowhere", "//api/logout", "/api/logout/"):
            url, headers = client.base_url.copy_with(path=path), {"sec-fetch-site": "cross-site"}
            target.expect(await client.request(method, url, headers=headers), 403)


async def test_a_trusted_front_end_may_sign_in(start: Start) -> None:
    client = Client(await start(trusted_origins=FRONT_END))
    await client.register()
    client.headers.update({"origin": FRONT_END, "sec-fetch-site": "cross-site"})
    assert (await client.sign_in()).status_code == 200
    client.headers["origin"] = "https://other.example"
    assert (await client.sign_in()).status_code == 403
