"""People sign in with passkeys, confirm with them, add, rename and remove them."""

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.config import PROJECT
from app.models import Passkey, UserHandle
from app.services import Services
from app.users.challenges import CHALLENGE_SECONDS
from app.users.passkeys import HANDLE_BYTES, MAX_PASSKEYS
from app.web.dependencies import StrongUser
from tests.authenticator import APPLE, Authenticator, decode
from tests.client import PASSWORD, Client
from tests.conftest import Clock, Start
#{% if cookiecutter.identity == "email" %}
from tests.mail import mails
#{% endif %}
from tests.people import ALICE, BOB, FIELD
from tests.people_with_passkeys import Person, confirm_password, with_passkey
from tests.test_account_events import happened

NEW_PASSWORD = "quite another set of words"


async def test_a_passkey_signs_its_user_in(client: Client, other: Client) -> None:
    alice = await with_passkey(client)
    elsewhere = Person(other, alice.device)
    response = await elsewhere.sign_in()
    assert response.status_code == 200
    assert response.json()[FIELD] == ALICE
    assert (await other.get("/api/me")).json() == response.json()


async def test_a_passkey_is_two_factors_and_a_password_is_one(app: FastAPI, client: Client) -> None:
    @app.get("/strong")
    async def strong(user: StrongUser) -> str:
        return user.name

    alice = await with_passkey(client)
    assert (await client.get("/strong")).json() == ALICE
    await client.post("/api/logout")
    await client.sign_in()
    assert (await client.get("/strong")).status_code == 403
    await alice.sign_in()
    assert (await client.get("/strong")).json() == ALICE


async def test_remember_me_is_for_passkeys_too(client: Client) -> None:
    alice = await with_passkey(client)
    for remember in (True, False):
        response = await alice.sign_in(remember=remember)
        assert ("Max-Age=" in response.headers["set-cookie"]) == remember


async def test_the_options_are_what_browsers_take(client: Client, services: Services) -> None:
    alice = await with_passkey(client)
    options = await alice.options("/api/passkeys")
    assert options["rp"] == {"name": PROJECT["name"], "id": "localhost"}
    assert options["user"]["name"] == options["user"]["displayName"] == ALICE
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    [excluded] = options["excludeCredentials"]
    # What browsers know of later is left out.
    assert excluded["transports"] == ["internal", "hybrid"]
    assert decode(excluded["id"]) == alice.device.keys[0].id
    for path in ("/api/login/passkey", "/api/confirm/passkey"):
        options = await alice.options(path)
        assert (options["rpId"], options["userVerification"]) == ("localhost", "required")
        assert options["timeout"] == CHALLENGE_SECONDS * 1000
    assert decode(options["allowCredentials"][0]["id"]) == alice.device.keys[0].id


async def test_strangers_are_told_of_no_passkey(client: Client, other: Client) -> None:
    await with_passkey(client)
    options = await Person(other).options("/api/login/passkey")
    assert options["allowCredentials"] == []


async def test_authenticators_know_users_by_random_bytes_that_stay(client: Client) -> None:
    alice = await with_passkey(client)
    await alice.add()
    first, second = (key.user_handle for key in alice.device.keys)
    assert first == second
    assert len(decode(first)) == HANDLE_BYTES == 64
    # Nor is it a number, or another name.
    assert len({*decode(first)}) > 16
    bob = await with_passkey(Client(client.app), BOB)
    assert bob.device.keys[0].user_handle != first


async def test_passkeys_are_listed_renamed_and_removed(client: Client, clock: Clock) -> None:
    alice = await with_passkey(client)
    clock.turn(60)
    added = await alice.add(name=" My key ")
    assert set(added.json()) == {"id", "name"}
    assert added.json()["name"] == "My key"
    clock.turn(60)
    await alice.sign_in()
    first, second = (await client.get("/api/passkeys")).json()
    assert set(first) == {"id", "name", "created_at", "last_used_at"}
    assert (second["id"], first["last_used_at"]) == (added.json()["id"], None)
    assert first["created_at"] < second["created_at"] < second["last_used_at"]
    path = f"/api/passkeys/{second['id']}"
    assert (await client.patch(path, json={"name": "Another"})).status_code == 204
    assert (await client.get("/api/passkeys")).json()[1]["name"] == "Another"
    assert (await client.delete(path)).status_code == 204
    assert [each["id"] for each in (await client.get("/api/passkeys")).json()] == [first["id"]]
    assert (await alice.sign_in()).status_code == 404


async def test_a_passkey_is_named_after_its_authenticator_or_else_the_browser(
    client: Client,
) -> None:
    client.headers["user-agent"] = (
        "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
    )
    await client.signed_in()
    known = await Person(client, Authenticator(aaguid=APPLE)).add()
    assert known.json()["name"] == "Apple Passwords"
    unknown = await Person(client).add()
    assert unknown.json()["name"] == "Firefox on Linux"


async def test_no_account_has_passkeys_without_end(client: Client) -> None:
    alice = await with_passkey(client)
    early = await alice.options("/api/passkeys")
    for _ in range(MAX_PASSKEYS - 1):
        await alice.add()
    assert (await client.post("/api/passkeys/options")).status_code == 409
    late = alice.device.create(early)
    assert (await client.post("/api/passkeys", json=late)).status_code == 409
    assert len((await client.get("/api/passkeys")).json()) == MAX_PASSKEYS


async def test_adding_and_removing_ends_other_sessions_and_is_told(
    client: Client, other: Client, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await with_passkey(client)
    await other.signed_in()
    token = client.token
    caplog.clear()
    added = await alice.add()
    assert client.token != token
    assert await client.is_signed_in()
    assert not await other.is_signed_in()
    assert '"reason": "passkey added"' in caplog.text
    await other.signed_in()
    assert (await client.delete(f"/api/passkeys/{added.json()['id']}")).status_code == 204
    assert await client.is_signed_in()
    assert not await other.is_signed_in()
    assert '"reason": "passkey removed"' in caplog.text
    assert (await happened(client))[:2] == ["passkey removed", "passkey added"]
    #{% if cookiecutter.identity == "email" %}
    subjects = [mail.subject for mail in await mails(client.app, ALICE)]
    assert subjects[:2] == [
        "A second factor of your account was removed",
        "Your account has a new second factor",
    ]
    #{% endif %}


async def test_freshness_asks_for_the_passkey_of_whoever_has_one(
    client: Client, clock: Clock
) -> None:
    alice = await with_passkey(client)
    clock.turn(601)
    assert (await client.post("/api/passkeys/options")).status_code == 403
    refused = await confirm_password(client)
    assert (refused.status_code, refused.json()["second_factor"]) == (403, ["passkey"])
    assert (await client.post("/api/passkeys/options")).status_code == 403
    token = client.token
    assert (await alice.confirm()).status_code == 204
    assert client.token != token
    assert (await client.post("/api/passkeys/options")).status_code == 200


async def test_a_password_alone_begins_no_fresh_session_of_an_account_with_a_passkey(
    client: Client,
) -> None:
    alice = await with_passkey(client)
    await client.post("/api/logout")
    assert (await client.sign_in()).status_code == 200
    assert (await client.post("/api/passkeys/options")).status_code == 403
    assert (await alice.confirm()).status_code == 204
    assert (await client.post("/api/passkeys/options")).status_code == 200


async def test_a_change_makes_nothing_fresh_again(client: Client, clock: Clock) -> None:
    alice = await with_passkey(client)
    added = await alice.add()
    clock.turn(599)
    assert (await client.delete(f"/api/passkeys/{added.json()['id']}")).status_code == 204
    clock.turn(2)
    assert (await client.post("/api/passkeys/options")).status_code == 403


async def test_an_account_can_do_without_a_password_and_have_one_again(client: Client) -> None:
    alice = await with_passkey(client)
    assert (await client.delete("/api/password")).status_code == 204
    assert await client.is_signed_in()
    assert (await client.sign_in()).status_code == 401
    current = {"current_password": "", "new_password": NEW_PASSWORD}
    assert (await client.post("/api/password", json=current)).status_code == 403
    assert (await alice.sign_in()).status_code == 200
    weak = await client.put("/api/password", json={"new_password": "short"})
    assert weak.status_code == 422
    again = await client.put("/api/password", json={"new_password": NEW_PASSWORD})
    assert again.status_code == 204
    assert (await client.sign_in(password=NEW_PASSWORD)).status_code == 200
    #{% if cookiecutter.identity == "email" %}
    subjects = {mail.subject for mail in await mails(client.app, ALICE)}
    assert subjects >= {
        "Your password has been changed",
        "The password of your account was removed",
    }
    #{% endif %}


async def test_a_password_is_not_set_over_another_one(client: Client) -> None:
    await with_passkey(client)
    again = await client.put("/api/password", json={"new_password": NEW_PASSWORD})
    assert again.status_code == 409
    assert (await client.sign_in(password=PASSWORD)).status_code == 200


async def test_the_last_way_to_sign_in_cannot_be_removed(client: Client) -> None:
    await client.signed_in()
    assert (await client.delete("/api/password")).status_code == 409
    alice = Person(client)
    added = await alice.add()
    path = f"/api/passkeys/{added.json()['id']}"
    assert (await client.delete("/api/password")).status_code == 204
    refused = await client.delete(path)
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "You would no longer be able to sign in. Set a password first.",
    )
    assert (await alice.sign_in()).status_code == 200
    await alice.add()
    assert (await client.delete(path)).status_code == 204
    assert (await alice.sign_in()).status_code == 200


async def test_an_operator_takes_passkeys_away(client: Client, services: Services) -> None:
    alice = await with_passkey(client)
    await services.factors.reset(ALICE)
    assert not await client.is_signed_in()
    assert (await alice.sign_in()).status_code == 404
    await client.sign_in()
    assert (await client.post("/api/passkeys/options")).status_code == 200


async def test_a_new_password_by_a_link_is_no_way_round_a_passkey(
    client: Client, services: Services
) -> None:
    alice = await with_passkey(client)
    token = (await services.recovery.reset_link(ALICE)).partition("?token=")[2]
    body = {"token": token, "new_password": NEW_PASSWORD}
    assert (await client.post("/api/password/reset", json=body)).status_code == 204
    await client.sign_in(password=NEW_PASSWORD)
    assert (await client.post("/api/passkeys/options")).status_code == 403
    assert (await alice.confirm()).status_code == 204


async def test_what_a_deleted_account_had_is_gone(client: Client, services: Services) -> None:
    alice = await with_passkey(client)
    assert (await client.post("/api/me/delete", json={"confirm": ALICE})).status_code == 204
    for table in (Passkey, UserHandle):
        [row] = await services.database.fetch_all(select(func.count()).select_from(table))
        assert row[0] == 0
    assert (await alice.sign_in()).status_code == 404


async def test_the_domain_and_the_origins_are_those_of_the_settings(start: Start) -> None:
    front_end = "https://front.example.com"
    client = Client(await start(public_url="https://example.com", trusted_origins=front_end))
    await client.signed_in()
    for origin in ("https://example.com", front_end):
        alice = Person(client, Authenticator(origin))
        assert (await alice.add()).status_code == 201
        assert alice.device.keys[0].rp_id == "example.com"
        assert (await alice.sign_in()).status_code == 200
    for origin in ("https://evil.example.com", "http://example.com", "https://example.com:444"):
        assert (await Person(client, Authenticator(origin)).add()).status_code == 403


async def test_two_tabs_can_ask_at_the_same_time(client: Client) -> None:
    alice = await with_passkey(client)
    first = await alice.options("/api/login/passkey")
    second = await alice.options("/api/login/passkey")
    assert first["challenge"] != second["challenge"]
    for options in (first, second):
        shown = alice.device.get(options)
        assert (await client.post("/api/login/passkey", json=shown)).status_code == 200


async def test_authenticators_that_count_nothing_sign_in_again_and_again(client: Client) -> None:
    alice = await with_passkey(client)
    alice.device.step = 0
    for _ in range(3):
        assert (await alice.sign_in()).status_code == 200


async def test_ways_to_reach_a_passkey_are_kept_once_however_often_they_are_sent(
    client: Client, services: Services
) -> None:
    alice = Person(await client.signed_in())
    made = alice.device.create(await alice.options("/api/passkeys"))
    made["response"]["transports"] = ["usb", "nfc"] * 1000
    assert (await client.post("/api/passkeys", json=made)).status_code == 201
    [passkey] = await services.passkeys.list_for_user(1)
    assert passkey.transports == "usb nfc"
