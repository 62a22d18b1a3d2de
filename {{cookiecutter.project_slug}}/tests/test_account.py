"""What wants a fresh proof of who is there, and the end of an account."""

import asyncio

import pytest

from app.sessions.session import FRESH_SECONDS
from app.web.dependencies import CurrentSession, CurrentSignedIn, FreshUser
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock, Start


async def test_something_sensitive_wants_a_password_of_the_last_ten_minutes(
    client: Client, clock: Clock
) -> None:
    assert FRESH_SECONDS == 600
    await client.signed_in()
    clock.turn(601)
    refused = await client.delete("/api/me")
    assert refused.status_code == 403
    assert refused.json() == {"detail": "Confirm your password first: POST /api/confirm."}
    assert await client.is_signed_in()

    assert (await client.post("/api/confirm", json={"password": PASSWORD})).status_code == 204
    clock.turn(600)
    assert (await client.delete("/api/me")).status_code == 204


async def test_using_a_session_does_not_make_it_fresh(client: Client, clock: Clock) -> None:
    await client.signed_in()
    for _ in range(7):
        clock.turn(100)
        assert (await client.get("/api/me")).status_code == 200
    assert (await client.delete("/api/me")).status_code == 403


async def test_a_confirmation_is_one_of_the_same_person(client: Client, clock: Clock) -> None:
    await client.signed_in()
    clock.turn(601)
    before = (await client.get("/api/session")).json()["authenticated_at"]
    wrong = await client.post("/api/confirm", json={"password": "not the right password"})
    assert wrong.status_code == 403
    assert wrong.json() == {"detail": "That is not your password."}
    assert (await client.get("/api/session")).json()["authenticated_at"] == before
    assert (await client.delete("/api/me")).status_code == 403
    assert (await client.post("/api/confirm", json={})).status_code == 422


async def test_a_confirmation_gives_a_new_token_and_ends_the_old_one(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(10)
    before = client.token
    await client.post("/api/confirm", json={"password": PASSWORD})
    assert client.token != before
    assert not await client.opens(before)
    session = (await client.get("/api/session")).json()
    assert session["authenticated_at"] > session["created_at"]


async def test_guessing_at_a_confirmation_is_throttled(client: Client) -> None:
    await client.signed_in()
    for _ in range(5):
        await client.post("/api/confirm", json={"password": "not the right password"})
    answer = await client.post("/api/confirm", json={"password": PASSWORD})
    assert answer.status_code == 429


async def test_a_session_that_is_ended_during_the_confirmation_stays_ended(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.signed_in()
    services = client.app.state.services
    check = services.users._credentials.check

    async def end_meanwhile(*values: str, **options: str) -> object:
        found = await check(*values, **options)
        await services.sessions.revoke(client.token)
        return found

    monkeypatch.setattr(services.users._credentials, "check", end_meanwhile)
    assert (await client.post("/api/confirm", json={"password": PASSWORD})).status_code == 401
    assert not await client.is_signed_in()


async def test_a_deleted_account_is_gone_and_its_name_is_free(client: Client) -> None:
    await client.signed_in()
    deleted = await client.delete("/api/me")
    assert "Max-Age=0" in deleted.headers["set-cookie"]
    assert (await client.sign_in()).status_code == 401
    assert (await client.register()).json() == {"id": 2, "username": "alice", "role": "user"}


async def test_a_role_holds_from_the_next_sign_in_on(client: Client) -> None:
    await client.signed_in()
    await client.app.state.services.users.change_role("alice", "admin")
    assert not await client.is_signed_in()
    await client.sign_in()
    assert (await client.get("/api/admin/users")).status_code == 200


async def test_an_account_that_is_deleted_while_its_owner_signs_in_stays_deleted(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register()
    accounts = client.app.state.services.users
    check = accounts._credentials.check

    async def delete_meanwhile(*values: str, **options: str) -> object:
        found = await check(*values, **options)
        await accounts.delete("alice")
        return found

    monkeypatch.setattr(accounts._credentials, "check", delete_meanwhile)
    assert (await client.sign_in()).status_code == 401
    assert client.token is None


async def test_to_delete_an_account_twice_at_once_is_to_delete_it_once(client: Client) -> None:
    await client.signed_in()
    headers = {"cookie": f"{COOKIE}={client.token}"}
    answers = await asyncio.gather(
        *(Client(client.app).delete("/api/me", headers=headers) for _ in range(3))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [204, 401, 401]


@pytest.mark.parametrize("meanwhile", ["its sessions end", "the name has another owner"])
async def test_a_deletion_is_of_the_account_and_the_session_that_asked_for_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    await client.signed_in()
    accounts = client.app.state.services.users
    delete_own = accounts.delete_own

    async def delete_late(*values: object) -> None:
        if meanwhile == "its sessions end":
            await accounts.end_sessions("alice")
        else:
            await accounts.delete("alice")
            await accounts.register("alice", PASSWORD)
        await delete_own(*values)

    monkeypatch.setattr(accounts, "delete_own", delete_late)
    assert (await client.delete("/api/me")).status_code == 401
    assert (await client.sign_in("alice")).status_code == 200


async def test_a_route_that_asks_twice_who_is_there_reads_once(
    start: Start, statements: list[str]
) -> None:
    async def ask(user: FreshUser, signed_in: CurrentSignedIn, session: CurrentSession) -> bool:
        return user == signed_in.user and session is signed_in.session

    app = await start()
    app.add_api_route("/api/ask", ask)
    client = await Client(app).signed_in()
    statements.clear()
    assert (await client.get("/api/ask")).json() is True
    assert len(statements) <= 1
