"""A stranger's site and a sibling subdomain, with a person signed in to the app next to them.

Cookies go out to other sites in these browsers, as far as SameSite lets them: so it is the app that
has to refuse. Each policy is tried from each site in Chromium. Left out in Firefox, unless SOAK=1:
a stranger with another policy than None, to whose requests no cookie is added, and the sibling with
another one than Lax, as all are the same for the same site.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.answers import CHOICES
from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.engines import ENGINES
from tests.browsers.people import COOKIE, NEW_PASSWORD, PASSWORD, App, Device, sign_in, sign_out
from tests.browsers.sites import FRONT_END, SIBLING, STRANGER, Sites
from tests.conftest import LeaveOut
from tests.ledger import is_soak

pytestmark = pytest.mark.slow

# A browser, the policy of the app's cookie, and where the attacker is.
EVERY = [*product(ENGINES, CHOICES["samesite"], (STRANGER, SIBLING))]
IN_FIREFOX = [("none", STRANGER), ("lax", SIBLING)]
CASES = [case for case in EVERY if is_soak() or case[0] != "firefox" or case[1:] in IN_FIREFOX]

from_each_site = pytest.mark.parametrize(
    ("engine", "samesite", "host"), CASES, indirect=["engine"], scope="session"
)
from_the_sibling = pytest.mark.parametrize(
    ("engine", "samesite"),
    [(engine, samesite) for engine, samesite, host in CASES if host == SIBLING],
    indirect=["engine"],
    scope="session",
)


@pytest.fixture
def attacker(host: str, complaints: Complaints, sites: Sites, leave_out: LeaveOut) -> str:
    """The host of an attacker, whose own pages may complain of what was blocked."""
    complaints.allow(sites.origin(host))
    if not is_soak():
        leave_out("attacks from other sites in Firefox with each SameSite policy: make soak")
    return host


@dataclass(frozen=True)
class Victim:
    """A person who is signed in to the app, in a browser and on another device."""

    name: str
    app: App
    page: Page
    device: Device

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def is_signed_in(self) -> bool:
        """Whether the app's own pages know the person; the other device is not asked."""
        self.page.goto("/")
        return self.page.get_by_role("heading", name=f"Hello {self.name}").is_visible()

    def state(self) -> list[Any]:
        """What could be changed of the account and its sessions, seen from the other device."""
        paths = ("/api/me", "/api/sessions", "/api/session/data")
        answers = [self.device.call("GET", path) for path in paths]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        me, sessions, data = (answer.json() for answer in answers)
        return [me, sorted(session["id"] for session in sessions), data]


@pytest.fixture
def victim(
    serve_in_production: Serve, visits: Visits, alice: str, samesite: str
) -> Iterator[Victim]:
    """Let a person sign in; afterwards all is as it was, and the password too."""
    app = serve_in_production(samesite)
    app.open_account(alice)
    page = visits.page(app)
    sign_in(page, alice)
    victim = Victim(alice, app, page, app.device(alice))
    before = victim.state()
    assert len(before[1]) == 2
    yield victim
    assert victim.is_signed_in()
    assert victim.state() == before
    assert app.device(alice).is_signed_in()


@pytest.fixture
def mallory(victim: Victim) -> Device:
    """The attacker has an account, and is signed in."""
    name = victim.name.replace("alice", "mallory")
    victim.app.open_account(name)
    return victim.app.device(name)


def form(victim: Victim, path: str, kind: str = "application/x-www-form-urlencoded") -> str:
    """A form to the app that does what it can: signs in, changes the password, ends sessions."""
    fields = {
        "username": victim.name.replace("alice", "mallory"),
        "password": PASSWORD,
        "current_password": PASSWORD,
        "new_password": NEW_PASSWORD,
        # Sent as plain text this is JSON but for its end, which swallows the "=".
        '{"username": "mallory", "password": "': f'{PASSWORD}"}}',
    }
    inputs = "".join(
        f"<input type=hidden name='{name}' value='{value}'>" for name, value in fields.items()
    )
    action = f"{victim.app.origin}{path}"
    return (
        f"<form method=post action='{action}' enctype='{kind}'>{inputs}<button>Win</button></form>"
    )


FORMS = (
    "/login",
    "/register",
    "/logout",
    "/account",
    "/account/sessions/end-others",
    "/confirm",
    "/account/delete",
    "/api/logout",
    "/api/login",
    "/api/password",
)


@from_each_site
@pytest.mark.usefixtures("mallory")
def test_a_form_of_another_site_changes_nothing(
    victim: Victim, sites: Sites, attacker: str, complaints: Complaints
) -> None:
    # Chromium notes each refusal, and that there is no icon beside one that is no page.
    complaints.allow("status of 403", "/api/logout: Failed to load resource")
    page = victim.context.new_page()
    for path in FORMS:
        kind = "text/plain" if path.startswith("/api/") else "application/x-www-form-urlencoded"
        page.goto(sites.put(attacker, form(victim, path, kind)))
        with page.expect_navigation() as navigation:
            page.get_by_role("button", name="Win").click()
        assert navigation.value.url == victim.app.origin + path
        assert navigation.value.status == 403, path


# Send each request in each mode; say what the page can tell of the answer.
FETCH = """async ([origin, requests]) => {
  const told = {};
  for (const [method, path, type, body] of requests) {
    for (const mode of ["cors", "no-cors"]) {
      const headers = type ? {"content-type": type} : {};
      const options = {method, mode, headers, body: body ?? undefined, credentials: "include"};
      told[`${method} ${path} ${type} ${mode}`] = await fetch(origin + path, options).then(
        async (answer) => `${answer.type} ${answer.status} ${await answer.text()}`,
        () => "blocked",
      );
    }
  }
  return told;
}"""

URLENCODED, PLAIN, JSON = "application/x-www-form-urlencoded", "text/plain", "application/json"


def requests(name: str) -> list[tuple[str, str, str, str | None]]:
    """What a script would send: method, path, type and body."""
    passwords = f"password={PASSWORD}&current_password={PASSWORD}&new_password={NEW_PASSWORD}"
    fields = f"username={name}&{passwords}"
    account = f'{{"username": "{name}", "password": "{PASSWORD}"}}'
    change = f'{{"current_password": "{PASSWORD}", "new_password": "{NEW_PASSWORD}"}}'
    return [
        *(("GET", path, "", None) for path in ("/", "/account", "/api/me", "/api/session")),
        *(("GET", path, "", None) for path in ("/api/sessions", "/api/data", "/logout")),
        *(("POST", path, URLENCODED, fields) for path in FORMS),
        *(("POST", "/api/login", kind, account) for kind in (PLAIN, JSON)),
        *(("POST", "/api/password", kind, change) for kind in (PLAIN, JSON)),
        ("PUT", "/api/session/data/theme", JSON, '"dark"'),
        ("DELETE", "/api/sessions", "", None),
    ]


@from_each_site
@pytest.mark.usefixtures("mallory")
def test_a_script_of_another_site_changes_and_reads_nothing(
    victim: Victim, sites: Sites, attacker: str, complaints: Complaints
) -> None:
    complaints.allow(sites.origin(FRONT_END))
    page = victim.context.new_page()
    page.goto(sites.put(attacker))
    name = victim.name.replace("alice", "mallory")
    page.evaluate("address => navigator.sendBeacon(address)", f"{victim.app.origin}/logout")
    told = page.evaluate(FETCH, [victim.app.origin, requests(name)])
    assert set(told.values()) == {"blocked"}, told

    # A front end that the app trusts may read the response. It has a session of its own, or none:
    # with SameSite=None the cookie is partitioned, and this one was set on a visit to the app.
    page.goto(sites.put(FRONT_END))
    read = [("GET", "/api/me", "", None)]
    told = page.evaluate(FETCH, [victim.app.origin, read])["GET /api/me  cors"]
    assert told.startswith("cors 401"), told
    assert victim.name not in told


def embedding(address: str) -> str:
    """A page that embeds an address in every way, and notes which ways have worked."""
    ways = {
        "iframe": "src",
        "embed": "src",
        "object": "data",
        "img": "src",
        "script": "src",
        "video": "src",
        "link": "rel=stylesheet href",
    }
    note = "loaded.push(this.tagName)"
    tags = (
        f"<{tag} {way}='{address}' onload='{note}' onloadeddata='{note}'></{tag}>"
        for tag, way in ways.items()
    )
    return f"<script>const loaded = [];</script>{''.join(tags)}"


def seen(page: Page) -> str:
    """Return what can be read on a page and in all its frames."""
    return "\n".join(frame.locator("html").inner_text() for frame in page.frames)


@from_each_site
def test_a_page_of_another_site_shows_nothing_of_the_app(
    victim: Victim, sites: Sites, attacker: str
) -> None:
    page = victim.context.new_page()
    framed = sites.put(attacker, "I am framed.")
    page.goto(sites.put(attacker, embedding(framed)))
    assert seen(page).count("I am framed.") == 3
    for path in ("/account", "/api/me", "/static/icon.svg"):
        # It is complete when everything embedded has come, or has been given up.
        page.goto(sites.put(attacker, embedding(victim.app.origin + path)))
        # A frame has "loaded" the page by which the browser replaces what it has blocked.
        assert set(page.evaluate("loaded")) <= {"IFRAME", "EMBED", "OBJECT"}
        assert victim.name not in seen(page)


# Open a socket; say what it hears first.
LISTEN = """(address) => new Promise((resolve) => {
  const socket = new WebSocket(address);
  socket.onmessage = (event) => resolve(event.data);
  socket.onclose = (event) => resolve(`closed ${event.code}`);
})"""


@from_each_site
def test_a_socket_opens_for_the_app_and_who_it_trusts_alone(
    victim: Victim, sites: Sites, attacker: str, complaints: Complaints
) -> None:
    complaints.allow(sites.origin(FRONT_END))
    address = victim.app.origin.replace("https", "wss") + "/api/ws"
    greeting = f'{{"username":"{victim.name}"}}'
    page = victim.context.new_page()

    def heard() -> str:
        return str(page.evaluate(LISTEN, address))

    page.goto(sites.put(attacker))
    assert heard() == "closed 1006"
    page.goto(sites.put(FRONT_END))
    assert heard() == "closed 1008"
    page.goto(victim.app.origin)
    assert heard() == greeting


# Spellings of the cookie's name that some browser or server has taken for the right one, and of
# attributes that might get it past the prefix. "=" alone makes a cookie without a name.
NAMES = (
    COOKIE,
    f"\xa0{COOKIE}",
    f"\x85{COOKIE}",
    f"{COOKIE}\xa0",
    f"\t{COOKIE}",
    f"={COOKIE}",
    f'"{COOKIE}"',
    COOKIE.lower(),
    COOKIE.upper(),
    "session",
)
ATTRIBUTES = (
    "Domain=shop.test; Path=/; Secure; HttpOnly; SameSite=None",
    "Domain=shop.test; Path=/account; Secure",
    "Domain=.shop.test; Path=/",
)


def planted(token: str) -> list[str]:
    return [f"{name}={token}; {attributes}" for name in NAMES for attributes in ATTRIBUTES]


def plant(page: Page, sites: Sites, cookies: list[str]) -> None:
    """Set cookies for the whole site from a sibling: by header, and by script."""
    page.goto(sites.put(SIBLING, cookies=cookies))
    page.evaluate("cookies => cookies.forEach((each) => { document.cookie = each; })", cookies)
    page.goto(sites.put(SIBLING))


@from_the_sibling
def test_a_cookie_that_a_sibling_plants_signs_nobody_in(
    victim: Victim, mallory: Device, sites: Sites, visits: Visits, complaints: Complaints
) -> None:
    complaints.allow(sites.origin(SIBLING))
    # Who is signed in stays so, as themself.
    plant(victim.page, sites, planted(mallory.token))
    assert f"\xa0{COOKIE}={mallory.token}" in sites.cookie_headers[-1]
    assert victim.is_signed_in()
    # Who is not is not signed in by it,
    nobody = visits.page(victim.app)
    plant(nobody, sites, planted(mallory.token))
    nobody.goto("/account")
    expect(nobody.get_by_role("heading", name="Sign in")).to_be_visible()
    assert mallory.is_signed_in()


@from_the_sibling
def test_who_signs_in_after_a_cookie_was_planted_is_signed_in_as_themself(
    visits: Visits,
    serve_in_production: Serve,
    sites: Sites,
    alice: str,
    samesite: str,
    complaints: Complaints,
) -> None:
    complaints.allow(sites.origin(SIBLING))
    app = serve_in_production(samesite)
    mallory = alice.replace("alice", "mallory")
    for name in (alice, mallory):
        app.open_account(name)
    page = visits.page(app)
    plant(page, sites, planted(app.device(mallory).token))
    sign_in(page, alice)
    # So many cookies that the browser forgets others of the site: the session's too, perhaps, for
    # which no app can do anything. But nobody is signed in as somebody else.
    flood = [f"flood{number}=1; Domain=shop.test; Path=/; Secure" for number in range(400)]
    plant(page, sites, flood + planted(app.device(mallory).token))
    page.goto("/")
    title = page.get_by_role("heading").first
    expect(title).to_have_text(re.compile(f"^(Hello {alice}|Sign in)$"))
    if title.inner_text() != "Sign in":
        sign_out(page)
    sign_in(page, alice)
