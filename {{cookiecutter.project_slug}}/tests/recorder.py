"""Every response of the app passes here: whatever a test is about, these promises hold.

Your own routes may set cookies, redirect, and send statuses and policies of their own.
"""

import re
from http import HTTPStatus

import httpx2

from app.config import PROJECT
from tests.routes import is_known

COOKIE_NAMES = (f"__Host-Http-{PROJECT['slug']}-session", f"{PROJECT['slug']}-session")
_COOKIE = re.compile(
    rf"(?P<name>{'|'.join(map(re.escape, COOKIE_NAMES))})=(?P<token>[A-Za-z0-9._-]*); Path=/"
    r"; HttpOnly(?P<secure>; Secure)?; SameSite=(?P<samesite>Lax|Strict|None)"
    r"(?P<partitioned>; Partitioned)?"
    r"(; Max-Age=(?P<age>[0-9]+))?"
)

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
}
POLICIES = ("content-security-policy", "permissions-policy")

# With which other header a response of that status has to come.
NEEDED = {401: "www-authenticate", 405: "allow", 429: "retry-after", 503: "retry-after"}

# What a cache may keep without being told for how long (RFC 9110, 15.1).
HEURISTICALLY_CACHEABLE = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501}

INTERNALS = re.compile(
    r"Traceback \(most recent call last\)|\$argon2|sqlalchemy|site-packages|password_hash"
)

# Parts of every session token of the test at hand, which belong in its cookie and nowhere else.
TOKENS: set[str] = set()


class Recorder(httpx2.AsyncBaseTransport):
    """Hands requests on to the app, and looks at every response before the test does."""

    def __init__(self, inside: httpx2.AsyncBaseTransport) -> None:
        self._inside = inside

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        note_tokens(request)
        response = await self._inside.handle_async_request(request)
        await response.aread()
        response.request = request
        note_tokens(response)
        check_cookie(response)
        check_leaks(response)
        check_headers(response)
        if is_known(request.url.path):
            check_default_headers(response)
            await self._check_cache(response)
        return response

    async def aclose(self) -> None:
        await self._inside.aclose()

    async def _check_cache(self, response: httpx2.Response) -> None:
        if not may_be_stored(response):
            return
        request = response.request
        if request.method == "GET" and "cookie" in request.headers:
            anonymous = httpx2.Request("GET", request.url, headers=dict(request.headers))
            del anonymous.headers["cookie"]
            same = await self._inside.handle_async_request(anonymous)
            assert (same.status_code, await same.aread()) == (
                response.status_code,
                response.content,
            ), f"{request.url} depends on the cookie and may be stored"


def session_cookies(response: httpx2.Response) -> list[str]:
    """Return each Set-Cookie header that is about the session."""
    names = tuple(f"{name}=" for name in COOKIE_NAMES)
    return [each for each in response.headers.get_list("set-cookie") if each.startswith(names)]


def note_tokens(message: httpx2.Request | httpx2.Response) -> None:
    """Remember the session tokens that a request or a response carries."""
    cookies = message.headers.get_list("cookie") + message.headers.get_list("set-cookie")
    for pair in ";".join(cookies).split(";"):
        name, _, value = pair.strip().partition("=")
        if name in COOKIE_NAMES:
            # What is shorter occurs by chance.
            TOKENS.update(part for part in value.split(".") if len(part) >= 40)


def check_cookie(response: httpx2.Response) -> None:
    """At most one session cookie, spelled out whole, and in no cache (ASVS 5.0 3.3)."""
    cookies = session_cookies(response)
    assert len(cookies) <= 1, cookies
    for cookie in cookies:
        parsed = _COOKIE.fullmatch(cookie)
        assert parsed, cookie
        assert bool(parsed["secure"]) == parsed["name"].startswith("__Host-"), cookie
        assert parsed["secure"] or parsed["samesite"] != "None", cookie
        assert not parsed["partitioned"] or parsed["samesite"] == "None", cookie
        assert len(parsed["name"]) + len(parsed["token"]) <= 4096
        assert int(parsed["age"] or 0) <= 400 * 24 * 3600, cookie
        assert parsed["token"] or parsed["age"] == "0", cookie
        assert response.headers["cache-control"] == "no-store"
        assert "Cookie" in response.headers["vary"]


def check_leaks(response: httpx2.Response) -> None:
    """No token, and no internals in an error, are in a body or another header (ASVS 5.0 16.5.1)."""
    others = [item for item in response.headers.multi_items() if item[0] != "set-cookie"]
    text = response.text + repr(others)
    where = f"{response.request.method} {response.request.url}"
    assert not any(token in text for token in TOKENS), f"{where} shows a session token"
    if response.is_error:
        assert not INTERNALS.search(text), f"{where} shows internals"


def check_headers(response: httpx2.Response) -> None:
    """Each security header is there (ASVS 5.0 3.4), whether with the default or with yours."""
    missing = [name for name in (*HEADERS, *POLICIES) if name not in response.headers]
    assert not missing, f"{response.request.url} lacks {missing}"
    if response.headers.get("access-control-allow-credentials"):
        assert response.headers.get("access-control-allow-origin") != "*"


def check_default_headers(response: httpx2.Response) -> None:
    """The security headers have their default values, and a status comes with what it needs."""
    headers, where = response.headers, str(response.request.url)
    for name, value in HEADERS.items():
        assert headers.get_list(name) == [value], f"{where}: {name}"
    [policy] = headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'; "), where
    assert "unsafe" not in policy
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action '"):
        assert directive in policy, where
    assert "server" not in headers
    assert NEEDED.get(response.status_code, "vary") in {*headers, "vary"}, where
    if "location" in headers:
        https = f"https://{response.request.url.host}"
        assert re.match(rf"/(?![/\\])|{re.escape(https)}[:/]", headers["location"]), where


def may_be_stored(response: httpx2.Response) -> bool:
    """Whether RFC 9111, 3, lets a cache keep a response: a shared one, or the client's own."""
    fields = ",".join(response.headers.get_list("cache-control")).lower().split(",")
    directives = {field.partition("=")[0].strip() for field in fields}
    if "no-store" in directives:
        return False
    explicit = "expires" in response.headers or directives & {"max-age", "s-maxage"}
    if response.request.method not in ("GET", "HEAD"):
        return bool(explicit)
    return bool(
        explicit
        or directives & {"public", "private"}
        or HTTPStatus(response.status_code) in HEURISTICALLY_CACHEABLE
    )
