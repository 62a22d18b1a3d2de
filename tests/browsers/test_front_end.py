"""A front end on another site: it signs in and reads, where it is named and the cookie may go."""

import json

import pytest
from playwright.sync_api import expect

from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.people import PASSWORD, App
from tests.browsers.sites import FRONT_END, STRANGER, Sites

pytestmark = pytest.mark.slow

# It signs in, keeps something, reads, signs out, and says what it was told.
PAGE = """<p role="status">working</p><script>
const call = (method, path, body) => fetch("APP" + path, {
  method, credentials: "include", body: body && JSON.stringify(body),
  headers: body ? {"content-type": "application/json"} : {},
}).then(async (answer) => answer.status + " " + (await answer.text()), () => "blocked");
(async () => {
  const told = [await call("POST", "/api/login", ACCOUNT)];
  told.push(await call("PUT", "/api/session/data/theme", "dark"));
  told.push(await call("GET", "/api/session/data"));
  told.push(await call("GET", "/api/me"));
  told.push(document.cookie);
  told.push(await call("POST", "/api/logout"));
  told.push(await call("GET", "/api/me"));
  document.querySelector("p").textContent = told.join("|");
})();
</script>"""


@pytest.mark.parametrize("session_backend", ["database", "signed-cookie"])
def test_a_front_end_on_another_site_signs_in_and_reads(
    serve_in_production: Serve,
    visits: Visits,
    sites: Sites,
    complaints: Complaints,
    alice: str,
    session_backend: str,
) -> None:
    answers = {"frontend": "api", "session_backend": session_backend}
    app = serve_in_production("none", **answers)
    app.open_account(alice)
    page = visits.page(app)

    def told(host: str, app: App) -> list[str]:
        account = json.dumps({"username": alice, "password": PASSWORD})
        page.goto(sites.put(host, PAGE.replace("APP", app.origin).replace("ACCOUNT", account)))
        expect(page.get_by_role("status")).not_to_have_text("working")
        return str(page.get_by_role("status").text_content()).split("|")

    # The last answer, 401, is noted on the console.
    complaints.allow("status of 401", sites.origin(STRANGER))
    signed_in, kept, data, me, cookie, signed_out, nobody = told(FRONT_END, app)
    assert signed_in.startswith("200 ")
    assert json.loads(signed_in.removeprefix("200 "))["username"] == alice
    assert (kept, data, me) == ("204 ", '200 {"theme":"dark"}', signed_in)
    assert (cookie, signed_out, nobody) == ("", "204 ", '401 {"detail":"Sign in first."}')
    # One that is not named can neither send anything nor read what it is told.
    assert set(told(STRANGER, app)) == {"blocked", ""}
    # With another policy the browser keeps the cookie to itself.
    complaints.allow(sites.origin(FRONT_END))
    lax = told(FRONT_END, serve_in_production("lax", **answers))
    assert lax[0].startswith("200 ")
    assert lax[3].startswith("401 ")
