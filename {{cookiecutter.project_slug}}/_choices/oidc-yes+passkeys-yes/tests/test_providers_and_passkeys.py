"""Accounts that have both: passkeys, and identities at providers."""

import pytest
from fastapi import FastAPI

from tests.authenticator import Authenticator
#{% if cookiecutter.frontend == "html" %}
from tests.client import ORIGIN, PASSWORD
#{% else %}
from tests.client import ORIGIN
#{% endif %}
from tests.conftest import Clock
from tests.people import ALICE
from tests.people_with_passkeys import Person
from tests.provider import Visitor, error_of
from tests.signing_up import sign_up


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def test_one_of_both_is_left(visitor: Visitor) -> None:
    await sign_up(visitor)
    alice = Person(visitor, Authenticator(ORIGIN))
    added = await alice.add()
    assert added.status_code == 201
    [identity] = (await visitor.get("/api/identities")).json()
    passkey = f"/api/passkeys/{added.json()['id']}"
    assert (await visitor.delete(f"/api/identities/{identity['id']}")).status_code == 204
    assert (await visitor.delete(passkey)).status_code == 409
    assert error_of(await visitor.link()) == ""
    assert (await visitor.delete(passkey)).status_code == 204
    [identity] = (await visitor.get("/api/identities")).json()
    assert (await visitor.delete(f"/api/identities/{identity['id']}")).status_code == 409


#{% if cookiecutter.identity == "email" %}
async def test_whoever_holds_the_mailbox_alone_adds_no_way_in_past_a_passkey(
    visitor: Visitor,
) -> None:
    await visitor.signed_in()
    alice = Person(visitor, Authenticator(ORIGIN))
    assert (await alice.add()).status_code == 201
    thief = Visitor(visitor.app, visitor.provider)
    assert error_of(await thief.sign_in_there()) == "second_factor_first"
    assert (await visitor.get("/api/identities")).json() == []


#{% endif %}
async def test_a_password_is_removed_where_a_provider_is_left(visitor: Visitor) -> None:
    await visitor.signed_in()
    assert (await visitor.delete("/api/password")).status_code == 409
    await visitor.link()
    assert (await visitor.delete("/api/password")).status_code == 204
    [identity] = (await visitor.get("/api/identities")).json()
    assert (await visitor.delete(f"/api/identities/{identity['id']}")).status_code == 409


#{% if cookiecutter.frontend == "html" %}
async def test_the_account_page_knows_of_every_way_to_sign_in(visitor: Visitor) -> None:
    await sign_up(visitor)
    alice = Person(visitor, Authenticator(ORIGIN))
    passkey = (await alice.add()).json()["id"]
    page = (await visitor.get("/account", headers={"accept": "text/html"})).text
    assert "Your account has no password." in page
    assert f'data-call="DELETE /api/passkeys/{passkey}"' in page
    assert (await visitor.delete(f"/api/passkeys/{passkey}")).status_code == 204
    [identity] = (await visitor.get("/api/identities")).json()
    page = (await visitor.get("/account", headers={"accept": "text/html"})).text
    assert f'action="/account/identities/{identity["id"]}/remove"' not in page
    new = {"new_password": PASSWORD}
    assert (await visitor.put("/api/password", json=new)).status_code == 204
    page = (await visitor.get("/account", headers={"accept": "text/html"})).text
    assert "Remove password" in page
    assert f'action="/account/identities/{identity["id"]}/remove"' in page


#{% endif %}
async def test_freshness_asks_for_the_passkey_of_whoever_has_one(
    visitor: Visitor, clock: Clock
) -> None:
    await visitor.signed_in()
    await visitor.link()
    alice = Person(visitor, Authenticator(ORIGIN))
    assert (await alice.add()).status_code == 201
    await visitor.sign_in_there()
    deletion = {"confirm": ALICE}
    # It is one factor, and the account has more.
    assert (await visitor.post("/api/me/delete", json=deletion)).status_code == 403
    response = await visitor.post("/api/confirm/corp")
    assert response.json()["second_factor"] == ["passkey"]
    await alice.confirm()
    assert (await visitor.post("/api/me/delete", json=deletion)).status_code == 204
