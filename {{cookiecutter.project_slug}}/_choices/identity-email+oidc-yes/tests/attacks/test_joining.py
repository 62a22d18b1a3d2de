"""An attacker wants to get into an account, or to lay hands on one, by way of an address."""

from typing import Any

import pytest
from fastapi import FastAPI

from app.services import Services
from app.users.identities import MAX_IDENTITIES
from tests.client import PASSWORD, Client
from tests.mail import mails
from tests.people import ALICE, BOB, FIELD
from tests.provider import Provider, Visitor, error_of
from tests.signing_up import sign_up


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def test_an_address_that_both_have_verified_opens_its_account(
    visitor: Visitor, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.register(ALICE)
    visitor.provider.claims["email"] = "Alice@EXAMPLE.com"
    assert error_of(await visitor.sign_in_there()) == ""
    assert (await visitor.get("/api/me")).json()[FIELD] == ALICE
    assert '"reason": "identity added"' in caplog.text
    [notice] = [each for each in await mails(visitor.app) if "was linked to" in each.subject]
    assert notice.to == ALICE
    assert "Corp" in notice.text
    # The password still opens it, too.
    assert (await client.sign_in(ALICE, PASSWORD)).status_code == 200


async def test_an_address_adds_no_identities_without_end(
    visitor: Visitor, provider: Provider
) -> None:
    for number in range(MAX_IDENTITIES):
        provider.claims["sub"] = str(number)
        assert error_of(await visitor.sign_in_there()) == ""
    provider.claims["sub"] = "one more"
    assert error_of(await Visitor(visitor.app, provider).sign_in_there()) == "taken"


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "false"},
        {"email_verified": []},
        {"email": None},
        {"email": "no address"},
        {"email": ["alice@example.com"]},
        {"email": 1},
    ],
    ids=str,
)
async def test_an_address_that_the_provider_has_not_verified_opens_and_creates_nothing(
    visitor: Visitor, client: Client, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert error_of(await visitor.sign_in_there()) == "email_not_verified"
    assert visitor.token is None
    await client.signed_in(ALICE)
    assert error_of(await visitor.sign_in_there()) == "email_not_verified"
    assert (await client.get("/api/identities")).json() == []
    assert visitor.token is None


@pytest.mark.parametrize(
    "address", ["\uff41lice@example.com", "ali\u217de@example.com", "alice@\u212fxample.com"]
)
async def test_an_address_that_only_folds_to_that_of_an_account_opens_nothing(
    visitor: Visitor, client: Client, address: str
) -> None:
    """The provider has verified it: it is that of another mailbox."""
    await client.signed_in(ALICE)
    visitor.provider.claims["email"] = address
    assert error_of(await visitor.sign_in_there()) == "email_not_verified"
    assert (await client.get("/api/identities")).json() == []


def tell_elsewhere(provider: Provider, **userinfo: Any) -> None:
    """Let a provider tell addresses at its userinfo endpoint alone."""
    provider.metadata["userinfo_endpoint"] = f"{provider.issuer}/userinfo"
    provider.claims["email"] = None
    provider.userinfo = userinfo


async def test_some_providers_tell_the_address_elsewhere(
    visitor: Visitor, provider: Provider
) -> None:
    tell_elsewhere(provider)
    await sign_up(visitor)
    assert (await visitor.get("/api/me")).json()[FIELD] == ALICE


@pytest.mark.parametrize(
    ("userinfo", "error"),
    [
        ({"sub": "somebody else"}, "failed"),
        ({"sub": None}, "failed"),
        ({"email": None}, "email_not_verified"),
        ({"email_verified": False}, "email_not_verified"),
        # What the ID token says is of no address.
        ({"email_verified": None}, "email_not_verified"),
    ],
    ids=str,
)
async def test_an_address_that_is_told_elsewhere_is_of_that_person_and_verified(
    visitor: Visitor, client: Client, provider: Provider, userinfo: dict[str, Any], error: str
) -> None:
    await client.signed_in(ALICE)
    tell_elsewhere(provider, **userinfo)
    assert error_of(await visitor.sign_in_there()) == error
    assert visitor.token is None


async def test_a_provider_that_tells_addresses_over_plain_http_is_not_asked(
    visitor: Visitor, provider: Provider
) -> None:
    tell_elsewhere(provider)
    provider.metadata["userinfo_endpoint"] = "http://id.example/userinfo"
    response = await visitor.post(f"/api/login/{provider.name}", json={})
    assert response.status_code == 503
    assert provider.asked("/userinfo") == 0


async def test_some_providers_write_the_truth_as_text(visitor: Visitor) -> None:
    visitor.provider.claims["email_verified"] = "true"
    await sign_up(visitor)
    assert await visitor.is_signed_in()


async def test_another_address_at_the_provider_leads_to_no_other_account(
    site: FastAPI, provider: Provider
) -> None:
    """Mallory takes Bob's address there, when it is too late to matter."""
    mallory = Visitor(site, provider)
    user = await sign_up(mallory)
    await Client(site).signed_in(BOB)
    provider.claims["email"] = BOB
    await mallory.sign_in_there()
    assert (await mallory.get("/api/me")).json() == user


async def test_a_registration_that_somebody_else_began_has_no_hold_on_the_account(
    visitor: Visitor, client: Client, app: FastAPI
) -> None:
    await client.post("/api/register", json={FIELD: ALICE, "password": PASSWORD})
    await sign_up(visitor)
    link = next(each for each in await mails(app) if each.purpose == "verify")
    assert (await client.post("/api/email/verify", json={"token": link.token})).status_code == 422
    assert (await client.sign_in(ALICE, PASSWORD)).status_code == 401
    assert await visitor.is_signed_in()


async def test_a_disabled_account_is_not_joined(
    visitor: Visitor, client: Client, services: Services
) -> None:
    await client.signed_in(ALICE)
    await services.users.disable(ALICE)
    assert error_of(await visitor.sign_in_there()) == "failed"
    await services.users.enable(ALICE)
    await client.signed_in(ALICE)
    assert (await client.get("/api/identities")).json() == []


async def test_an_account_without_a_password_gets_one_by_mail(
    visitor: Visitor, client: Client, app: FastAPI
) -> None:
    await sign_up(visitor)
    await client.post("/api/password/forgot", json={FIELD: ALICE})
    token = (await mails(app))[0].token
    new = {"token": token, "new_password": PASSWORD}
    assert (await client.post("/api/password/reset", json=new)).status_code == 204
    assert (await client.sign_in()).status_code == 200
