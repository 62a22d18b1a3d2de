"""An attacker sends a link to the sign-in page that leads on to another site."""

from tests.attacks.stories import Target, story
from tests.client import PASSWORD, Client
from tests.people import ALICE, FIELD
from tests.test_pages import credentials, submit

ELSEWHERE = [
    "",
    "account",
    "//evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "///evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "@evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " /account",
    "/%09/evil.example",
    "/%0d%0aset-cookie:a=b",
    "/account\r\nset-cookie: a=b",
    "/a\\b",
    "/a b",
    "/é",
]


@story("open redirect", promise=32)
async def test_next_leads_to_no_other_site(target: Target) -> None:
    """Send a victim a link to the sign-in page that leads on to a site of the attacker's."""
    client = await target.signed_in(target.alice)
    fields = {FIELD: target.alice, "password": PASSWORD}
    responses = [await submit(client, "/login", **fields, next=path) for path in ELSEWHERE[:4]]
    # Whoever is signed in already is sent on at once.
    responses += [await client.get("/login", params={"next": path}) for path in ELSEWHERE]
    for response in responses:
        location = target.expect(response, 303).headers["location"]
        target.hold(location == "/", "the way leads to the dashboard")
    response = await client.get("/login", params={"next": "/account?tab=2"})
    assert response.headers["location"] == "/account?tab=2"


async def test_no_page_passes_on_the_address_of_another_site(client: Client) -> None:
    await client.signed_in()
    for path in ("/login", "/confirm"):
        for address in ("https://evil.example", "//evil.example", "/\\evil.example"):
            response = await client.get(path, params={"next": address})
            assert "evil.example" not in response.text
            assert "evil.example" not in response.headers.get("location", "")
    fields = {"password": PASSWORD, "next": "//evil.example"}
    assert (await submit(client, "/confirm", **fields)).headers["location"] == "/"


async def test_next_leads_to_no_address_that_takes_only_forms(client: Client) -> None:
    await client.register()
    spelled = ("/logout?a=b", "/%6cogout", "/logout#x", "/./logout", "/x/../logout", "/%2e/logout")
    for path in ("/logout", *spelled, "/account/sessions/end-others"):
        fields = {**credentials(), "next": path}
        assert (await submit(client, "/login", **fields)).headers["location"] == "/", path
        # Whoever is signed in already is sent on at once.
        response = await client.get("/login", params={"next": path})
        assert response.headers["location"] == "/", path
        fields = {"password": PASSWORD, "next": path}
        assert (await submit(client, "/confirm", **fields)).headers["location"] == "/", path
    for path in ("/confirm", "/static/style.css", "/account"):
        response = await client.get("/login", params={"next": path})
        assert response.headers["location"] == path


async def test_whoever_comes_from_a_very_long_address_can_sign_in(client: Client) -> None:
    await client.register()
    fields = {FIELD: ALICE, "password": PASSWORD}
    response = await submit(client, "/login", **fields, next=f"/account?q={'a' * 1100}")
    assert (response.status_code, response.headers["location"]) == (303, "/")
