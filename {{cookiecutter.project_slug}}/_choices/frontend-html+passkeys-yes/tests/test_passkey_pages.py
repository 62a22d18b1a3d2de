"""The pages offer passkeys, by a script of their own; without one the password form is left."""

import re

from app.config import PROJECT
from tests.authenticator import encode
from tests.client import PASSWORD, Client
from tests.conftest import Clock
from tests.people_with_passkeys import with_passkey

HTML = {"accept": "text/html"}
SCRIPT = re.compile(
    r'<script src="/static/passkeys.js" integrity="sha384-[^"]{64}" defer></script>'
)
MISSING = "Passkeys need JavaScript and a browser that supports them."


async def read(client: Client, path: str) -> str:
    response = await client.get(path, headers=HTML)
    assert response.status_code == 200
    return response.text


async def test_the_sign_in_page_offers_passkeys_by_a_script_of_its_own(client: Client) -> None:
    page = await read(client, "/login")
    assert SCRIPT.search(page)
    assert MISSING in page
    # Shown by the script.
    assert re.search(r'data-passkey-for="login" hidden>Sign in with a passkey<', page)
    script = (await client.get("/static/passkeys.js")).text
    assert 'field.autocomplete = "username webauthn"' in script
    assert 'mediation: "conditional"' in script
    for path in ("/", "/register", "/account/delete"):
        await client.signed_in()
        assert "passkeys.js" not in (await client.get(path, headers=HTML)).text


async def test_the_account_page_lists_passkeys_and_signals_what_is_left(client: Client) -> None:
    await client.signed_in()
    page = await read(client, "/account")
    assert ("data-passkey=" in page, MISSING in page) == (False, True)
    assert "Remove password" not in page
    alice = await with_passkey(client)
    await alice.add(name="<b>My key</b>")
    page = await read(client, "/account")
    first, second = alice.device.keys
    assert f'data-rp-id="localhost" data-user-handle="{first.user_handle}"' in page
    for key in (first, second):
        for call in ("PATCH", "DELETE"):
            assert f'data-call="{call} /api/passkeys/{encode(key.id)}"' in page
    assert "&lt;b&gt;My key&lt;/b&gt;" in page
    assert "not used yet" in page
    assert "Remove password" in page
    script = (await client.get("/static/passkeys.js")).text
    assert {"signalAllAcceptedCredentials", "signalCurrentUserDetails"} <= {*script.split('"')}
    await alice.sign_in()
    assert "last used" in await read(client, "/account")


async def test_the_last_way_to_sign_in_has_no_button_that_removes_it(client: Client) -> None:
    await with_passkey(client)
    assert (await client.delete("/api/password")).status_code == 204
    page = await read(client, "/account")
    assert 'data-call="DELETE' not in page
    assert "Current password" not in page
    assert 'data-call="PUT /api/password"' in page


async def test_the_page_that_confirms_asks_for_the_passkey_of_whoever_has_one(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    assert "<h1>Confirm your password</h1>" in await read(client, "/confirm")
    await with_passkey(client)
    page = await read(client, "/confirm?next=/account")
    assert SCRIPT.search(page)
    assert '<input type="hidden" name="next" value="/account">' in page
    assert 'type="password"' not in page
    refused = await client.post("/confirm", data={"password": PASSWORD}, headers=HTML)
    assert refused.status_code == 403
    assert "<h1>Confirm with a passkey</h1>" in refused.text
    clock.turn(601)
    asked = await client.get("/account/delete", headers=HTML)
    assert (asked.status_code, 'value="/account/delete"' in asked.text) == (403, True)


async def test_what_was_begun_is_forgotten_after_a_sign_in_with_a_passkey(client: Client) -> None:
    alice = await with_passkey(client)
    name = f"__Host-{PROJECT['slug']}-link"
    client.cookies.set(name, "of somebody else", domain="localhost.local", path="/")
    assert (await alice.sign_in()).status_code == 200
    assert name not in client.cookies


async def test_password_managers_are_told_where_passkeys_are_kept(client: Client) -> None:
    endpoints = (await client.get("/.well-known/passkey-endpoints")).json()
    account = "http://localhost:8000/account"
    assert endpoints == {"enroll": account, "manage": account}
