"""Users see their own sessions, and can end them."""

from tests.client import Client
from tests.conftest import Clock
from tests.people import ALICE, BOB


async def test_users_see_their_own_sessions_and_no_others(client: Client, other: Client) -> None:
    await client.signed_in(ALICE)
    await Client(client.app).signed_in(BOB)
    other.headers["user-agent"] = "Telephone/1.0"
    await other.signed_in(ALICE)
    sessions = (await client.get("/api/sessions")).json()
    assert len(sessions) == 2
    assert [each["ip"] for each in sessions if each["current"]] == ["192.0.2.1"]
    [there] = [each for each in sessions if not each["current"]]
    assert (there["ip"], there["user_agent"]) == ("198.51.100.7", "Telephone/1.0")


async def test_an_expired_session_is_not_listed(
    client: Client, other: Client, clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(1800)
    await other.signed_in()
    assert len((await other.get("/api/sessions")).json()) == 2
    clock.turn(1800)
    assert len((await other.get("/api/sessions")).json()) == 1


async def test_a_user_agent_is_kept_without_invisible_characters(client: Client) -> None:
    client.headers["user-agent"] = "Tele\x1b[31mphone" + "x" * 300
    await client.register()
    await client.sign_in()
    [session] = (await client.get("/api/sessions")).json()
    assert session["user_agent"].startswith("Tele[31mphonexxx")
    assert len(session["user_agent"]) <= 200


async def test_a_session_can_be_ended_from_another_one(client: Client, other: Client) -> None:
    await client.signed_in()
    await other.signed_in()
    there = (await other.get("/api/session")).json()["id"]
    assert (await client.delete(f"/api/sessions/{there}")).status_code == 204
    assert not await other.is_signed_in()
    assert await client.is_signed_in()
    assert (await client.delete(f"/api/sessions/{there}")).status_code == 404


async def test_ending_the_current_session_deletes_its_cookie(client: Client) -> None:
    await client.signed_in()
    here = (await client.get("/api/session")).json()["id"]
    assert (await client.delete(f"/api/sessions/{here}")).status_code == 204
    assert client.token is None


async def test_the_session_of_another_user_is_unknown(client: Client, other: Client) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(BOB)
    alices = (await client.get("/api/session")).json()["id"]
    of_another = await other.delete(f"/api/sessions/{alices}")
    unknown = await other.delete(f"/api/sessions/{'0' * 64}")
    nonsense = await other.delete("/api/sessions/nonsense")
    assert of_another.status_code == unknown.status_code == nonsense.status_code == 404
    assert of_another.content == unknown.content == nonsense.content
    assert await client.is_signed_in()
