"""Accounts: what requires a fresh password, how an account ends, and what is never shown."""

import asyncio

import httpx2
import pytest
from pydantic import BaseModel

from app.api.schemas import ConfirmIn, LoginIn, PasswordIn, RegisterIn, ResetIn
from app.errors import StoreUnavailable
from app.models import Link
from app.services import Services
from app.sessions.service import SessionService
from app.sessions.session import FRESH_SECONDS
from app.users.authentication import Authenticator
from app.users.errors import NameTaken
from app.users.passwords import Passwords
from app.users.service import UserService
from app.web.dependencies import (
    CurrentAuth,
    CurrentSession,
    CurrentUser,
    DbSession,
    FreshUser,
    Users,
)
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB, FIELD, REGISTERED, SPELLINGS


async def delete_account(client: Client, confirm: str = ALICE) -> httpx2.Response:
    return await client.post("/api/me/delete", json={"confirm": confirm})


async def test_something_sensitive_requires_a_password_of_the_last_ten_minutes(
    client: Client, clock: Clock
) -> None:
    assert FRESH_SECONDS == 600
    await client.signed_in()
    clock.turn(601)
    refused = await delete_account(client)
    assert refused.status_code == 403
    assert refused.json() == {"detail": "Confirm your password first: POST /api/confirm."}
    assert await client.is_signed_in()

    assert (await client.post("/api/confirm", json={"password": PASSWORD})).status_code == 204
    clock.turn(600)
    assert (await delete_account(client)).status_code == 204


async def test_using_a_session_does_not_make_it_fresh(client: Client, clock: Clock) -> None:
    await client.signed_in()
    for _ in range(7):
        clock.turn(100)
        assert (await client.get("/api/me")).status_code == 200
    assert (await delete_account(client)).status_code == 403


async def test_a_wrong_password_confirms_nothing(client: Client, clock: Clock) -> None:
    await client.signed_in()
    clock.turn(601)
    before = (await client.get("/api/session")).json()["authenticated_at"]
    wrong = await client.post("/api/confirm", json={"password": "not the right password"})
    assert wrong.status_code == 403
    assert wrong.json() == {"detail": "Wrong password."}
    assert (await client.get("/api/session")).json()["authenticated_at"] == before
    assert (await delete_account(client)).status_code == 403
    assert (await client.post("/api/confirm", json={})).status_code == 422


async def test_a_confirmation_gives_a_new_token_and_revokes_the_old_one(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(10)
    before = client.token
    await client.post("/api/confirm", json={"password": PASSWORD})
    assert client.token != before
    assert await client.is_signed_in()
    assert not await client.opens(before)
    session = (await client.get("/api/session")).json()
    assert session["authenticated_at"] > session["created_at"]


async def test_guessing_at_a_confirmation_is_rate_limited(client: Client) -> None:
    await client.signed_in()
    for _ in range(5):
        wrong = await client.post("/api/confirm", json={"password": "not the right password"})
        assert wrong.status_code == 403
    response = await client.post("/api/confirm", json={"password": PASSWORD})
    assert response.status_code == 429


async def test_a_session_that_is_revoked_during_a_confirmation_stays_revoked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.signed_in()
    authenticate = Authenticator.authenticate

    async def revoke_meanwhile(authenticator: Authenticator, *values: str, **more: str) -> object:
        row = await authenticate(authenticator, *values, **more)  # type: ignore[arg-type]
        await client.app.state.services.sessions.revoke(client.token)
        return row

    monkeypatch.setattr(Authenticator, "authenticate", revoke_meanwhile)
    assert (await client.post("/api/confirm", json={"password": PASSWORD})).status_code == 401
    assert not await client.is_signed_in()


@pytest.mark.parametrize(
    ("owner", "name", "status"),
    [
        # While the new password is hashed: nothing is changed.
        (Passwords, "hash", 401),
        # When it is changed already, and no token is given out any more: that is what is said.
        (SessionService, "rotate_token", 204),
    ],
)
async def test_a_session_that_is_revoked_during_a_change_of_password_is_told_what_was_done(
    client: Client, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, status: int
) -> None:
    await client.signed_in()
    go_on = getattr(owner, name)

    async def revoke_meanwhile(*values: object) -> object:
        await client.app.state.services.sessions.revoke(client.token)
        return await go_on(*values)

    monkeypatch.setattr(owner, name, revoke_meanwhile)
    body = {"current_password": PASSWORD, "new_password": PASSWORD + "!"}
    assert (await client.post("/api/password", json=body)).status_code == status
    assert not await client.is_signed_in()
    password = PASSWORD + "!" if status == 204 else PASSWORD
    assert (await client.sign_in(password=password)).status_code == 200


async def test_a_deleted_account_is_gone_and_its_name_is_free(client: Client) -> None:
    await client.signed_in()
    deleted = await delete_account(client)
    assert "Max-Age=0" in deleted.headers["set-cookie"]
    assert (await client.sign_in()).status_code == 401
    assert (await client.register()).status_code == REGISTERED
    assert (await client.sign_in()).json() == {"id": 2, FIELD: ALICE, "role": "user"}


async def test_an_account_is_deleted_though_the_store_of_its_sessions_fails_meanwhile(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailable("cut off")

    await client.signed_in()
    token = client.token
    with monkeypatch.context() as patch:
        patch.setattr(SessionService, "revoke_before", fail)
        assert (await delete_account(client)).status_code == 503
    assert not await client.opens(token)
    assert (await client.register()).status_code == REGISTERED


@pytest.mark.parametrize(
    ("body", "status"),
    [({"confirm": BOB}, 403), ({"confirm": ""}, 422), ({}, 422), ({"confirm": None}, 422)],
)
async def test_an_account_is_deleted_only_by_its_name(
    client: Client, body: dict[str, str | None], status: int
) -> None:
    await client.signed_in()
    assert (await client.post("/api/me/delete", json=body)).status_code == status
    assert (await client.post("/api/me/delete")).status_code == 422
    assert await client.is_signed_in()


async def test_an_account_is_deleted_by_any_spelling_of_its_name(client: Client) -> None:
    await client.signed_in()
    assert (await delete_account(client, SPELLINGS[-1])).status_code == 204
    assert not await client.is_signed_in()


async def test_a_role_holds_from_the_next_sign_in_on(client: Client) -> None:
    await client.signed_in()
    await client.app.state.services.users.change_role(ALICE, "admin")
    assert not await client.is_signed_in()
    await client.sign_in()
    assert (await client.get("/api/me")).json()["role"] == "admin"


async def test_an_account_that_is_deleted_during_a_sign_in_stays_deleted(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register()
    authenticate = Authenticator.authenticate

    async def delete_meanwhile(authenticator: Authenticator, *values: str, **more: str) -> object:
        row = await authenticate(authenticator, *values, **more)  # type: ignore[arg-type]
        await client.app.state.services.users.delete(ALICE)
        return row

    monkeypatch.setattr(Authenticator, "authenticate", delete_meanwhile)
    assert (await client.sign_in()).status_code == 401
    assert client.token is None


async def test_of_three_deletions_at_once_one_deletes_the_account(client: Client) -> None:
    await client.signed_in()
    cookie = {"cookie": f"{COOKIE}={client.token}"}
    body = {"confirm": ALICE}
    responses = await asyncio.gather(
        *(Client(client.app).post("/api/me/delete", json=body, headers=cookie) for _ in range(3))
    )
    assert sorted(each.status_code for each in responses) == [204, 401, 401]


async def test_of_two_accounts_created_at_once_with_one_name_one_is(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_password = Passwords.hash

    async def hash_beside_another(passwords: Passwords, password: str, name: str) -> str:
        monkeypatch.setattr(Passwords, "hash", hash_password)
        await services.users.register(ALICE, PASSWORD)
        return await hash_password(passwords, password, name)

    monkeypatch.setattr(Passwords, "hash", hash_beside_another)
    with pytest.raises(NameTaken):
        await services.users.register(SPELLINGS[0], PASSWORD)
    assert [user.name for user in await services.users.list_users()] == [ALICE]


@pytest.mark.parametrize("meanwhile", ["its sessions end", "the name has another owner"])
async def test_a_deletion_is_of_the_account_and_the_session_that_asked_for_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    await client.signed_in()
    delete_own = UserService.delete_own

    async def delete_late(users: UserService, auth: CurrentAuth) -> None:
        if meanwhile == "its sessions end":
            await users.end_sessions(ALICE)
        else:
            await users.delete(ALICE)
            await users.register(ALICE, PASSWORD)
        await delete_own(users, auth)

    monkeypatch.setattr(UserService, "delete_own", delete_late)
    assert (await delete_account(client)).status_code == 401
    assert (await client.sign_in(ALICE)).status_code == 200


async def test_a_route_that_depends_on_the_user_several_times_reads_once(
    start: Start, statements: list[str]
) -> None:
    async def route(user: FreshUser, auth: CurrentAuth, session: CurrentSession) -> bool:
        return user is auth.user and session is auth.session

    app = await start()
    app.add_api_route("/route", route)
    client = await Client(app).signed_in()
    statements.clear()
    assert (await client.get("/route")).json() is True
    #{% if cookiecutter.totp or cookiecutter.passkeys %}
    # Which second factors there are is another question.
    statements = [each for each in statements if "session_version" in each]
    #{% endif %}
    assert len(statements) == 1


async def test_the_session_of_a_request_is_one_object_whoever_asks_for_it_first(
    start: Start,
) -> None:
    async def route(session: CurrentSession, user: CurrentUser, auth: CurrentAuth) -> bool:
        await session.set("name", user.name)
        return session is auth.session

    app = await start()
    app.add_api_route("/route", route)
    client = await Client(app).signed_in()
    assert (await client.get("/route")).json() is True
    assert (await client.get("/test/values")).json() == {"name": ALICE}


@pytest.mark.parametrize(
    "body",
    [
        RegisterIn.model_validate({FIELD: ALICE, "password": PASSWORD}),
        LoginIn.model_validate({FIELD: ALICE, "password": PASSWORD}),
        PasswordIn(current_password=PASSWORD, new_password=PASSWORD),
        ResetIn(token="x", new_password=PASSWORD),
        ConfirmIn(password=PASSWORD),
    ],
    ids=lambda body: type(body).__name__,
)
def test_no_body_shows_a_password_when_it_is_printed(body: BaseModel) -> None:
    assert PASSWORD in body.model_dump().values()
    assert PASSWORD not in repr(body) + str(body)


def link_of(user_id: int) -> Link:
    """Return a row that refers to an account."""
    return Link(
        purpose="reset", about="x", key=b"x", user_id=user_id, session_version=0, expires_at=0
    )


async def test_a_request_whose_own_account_is_deleted_meanwhile_is_401(client: Client) -> None:
    @client.app.post("/links")
    async def add_a_link(user: CurrentUser, users: Users, db: DbSession) -> None:
        await users.delete(user.name)
        db.add(link_of(user.id))
        await db.commit()

    await client.signed_in()
    response = await client.post("/links")
    assert response.status_code == 401
    assert response.json() == {"detail": "Sign in first."}


async def test_a_fault_of_a_route_is_not_taken_for_that(client: Client) -> None:
    @client.app.post("/links")
    async def add_a_link_of_nobody(user: CurrentUser, db: DbSession) -> None:
        db.add(link_of(user.id + 1))
        await db.commit()

    await client.signed_in()
    assert (await client.post("/links")).status_code == 500
    assert await client.is_signed_in()
