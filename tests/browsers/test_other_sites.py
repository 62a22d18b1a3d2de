"""A stranger's site and a sibling subdomain, with a person signed in to the app next to them.

Cookies go out to other sites in these browsers, as far as SameSite lets them: so it is the app that
has to refuse.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.answers import CHOICES
from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.people import COOKIE, NEW_PASSWORD, PASSWORD, App, Device, sign_in
from tests.browsers.sites import FRONT_END, SIBLING, STRANGER, Sites

pytestmark = pytest.mark.slow


@pytest.fixture(params=CHOICES["samesite"])
def samesite(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


@pytest.fixture(params=[STRANGER, SIBLING], ids=["stranger", "sibling"])
def attacker(request: pytest.FixtureRequest, complaints: Complaints, sites: Sites) -> str:
    """The host of an attacker, whose own pages may complain of what was blocked."""
    host: str = request.param
    complaints.allow(sites.origin(host))
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
    return f"<form method=post action='{action}' enctype='{kind}'>{inputs}<button>Win</button></form>"


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
    fields = f"username={name}&password={PASSWORD}&current_password={PASSWORD}&new_password={NEW_PASSWORD}"
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


@pytest.mark.usefixtures("mallory")
def test_a_script_of_another_site_changes_and_reads_nothing(
    victim: Victim, sites: Sites, attacker: str, samesite: str, complaints: Complaints
) -> None:
    complaints.allow(sites.origin(FRONT_END))
    page = victim.context.new_page()
    page.goto(sites.put(attacker))
    name = victim.name.replace("alice", "mallory")
    page.evaluate("address => navigator.sendBeacon(address)", f"{victim.app.origin}/logout")
    told = page.evaluate(FETCH, [victim.app.origin, requests(name)])
    assert set(told.values()) == {"blocked"}, told

    # A front end that the app trusts reads by the same script what the cookie lets it.
    page.goto(sites.put(FRONT_END))
    read = [("GET", "/api/me", "", None)]
    told = page.evaluate(FETCH, [victim.app.origin, read])["GET /api/me  cors"]
    assert ("cors 200" in told and victim.name in told) == (samesite == "none"), told
