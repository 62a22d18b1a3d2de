"""An attacker sends passkeys of their own, copies, and challenges that are for something else."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.models import RequestCount
from app.services import Services
from app.users.challenges import CHALLENGE_SECONDS
from tests.attacks.stories import NotPlayed, Target, story
from tests.authenticator import PRESENT, VERIFIED, Key, decode, encode
from tests.client import Client
from tests.conftest import Clock
from tests.people import ALICE, BOB
from tests.people_with_passkeys import Person, with_passkey

COOKIE_OF_CHALLENGES = "-passkey"

Change = Callable[[Person], None]


def wrong(**values: Any) -> Change:
    """Return what makes a device behave otherwise."""

    def change(person: Person) -> None:
        for name, value in values.items():
            setattr(person.device, name, value)

    return change


WRONG = {
    "wrong origin": wrong(origin="https://evil.example"),
    "an origin that looks alike": wrong(origin="http://localhost:8000.evil.example"),
    "another port": wrong(origin="http://localhost:8001"),
    "another domain": wrong(rp_id="evil.example"),
    "user not present": wrong(flags=VERIFIED),
    "user not verified": wrong(flags=PRESENT),
    "in a frame of another site": wrong(cross_origin=True),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_with_a_passkey_is_refused_alike(
    client: Client, change: Change, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await with_passkey(client)
    change(alice)
    caplog.clear()
    for answer, status in (
        (await alice.sign_in(), 401),
        (await alice.confirm(), 403),
        (await alice.add(), 403),
    ):
        assert (answer.status_code, answer.json()) == (
            status,
            {"detail": "This passkey was not accepted. Try again."},
        )
    assert caplog.text.count("authn_login_fail") == 3
    assert '"actor": 1' in caplog.text


async def test_a_page_of_the_attacker_on_the_way_gets_nothing(client: Client) -> None:
    alice = await with_passkey(client)
    options = await alice.options("/api/login/passkey")
    alice.device.origin = "https://localhost.evil.example"
    relayed = await client.post("/api/login/passkey", json=alice.device.get(options))
    assert relayed.status_code == 401


async def test_a_counter_that_goes_back_is_refused_and_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    alice = await with_passkey(client)
    key = alice.device.keys[0]
    copy = Key(key.rp_id, key.user_handle, key.private, key.id, key.count)
    for _ in range(3):
        assert (await alice.sign_in()).status_code == 200
    caplog.clear()
    for count in range(4):
        copy.count = count - alice.device.step
        options = await alice.options("/api/login/passkey")
        shown = alice.device.get(options, copy)
        assert (await client.post("/api/login/passkey", json=shown)).status_code == 401
    [first, *_] = [record for record in caplog.records if "counter" in record.getMessage()]
    assert first.levelname == "WARNING"
    assert json.loads(first.getMessage())["event"] == "authn_login_fail"
    assert (await alice.sign_in()).status_code == 200


@story("replay of a passkey", promise=81)
async def test_a_challenge_is_good_once(target: Target) -> None:
    """Send what a passkey has signed five times at once, and let it sign the same once more."""
    client = await target.signed_in(target.newcomer())
    alice = Person(client)
    alice.device.origin = target.public_url
    if (await alice.add()).status_code != 201:
        raise NotPlayed("passkeys are for PUBLIC_URL, which is not where the app is")
    for step in (1, 0):
        # With a counter, and without one.
        await alice.add()
        alice.device.step = step
        shown = alice.device.get(await alice.options("/api/login/passkey"))
        answers = await asyncio.gather(
            *(client.post("/api/login/passkey", json=shown) for _ in range(5))
        )
        statuses = sorted(each.status_code for each in answers)
        target.hold(statuses == [200, 401, 401, 401, 401], "one of five is let in")
    # Signed once more it is no better: neither with the next count, nor for another passkey.
    options = {"challenge": json.loads(decode(shown["response"]["clientDataJSON"]))["challenge"]}
    alice.device.step = 1
    for key in alice.device.keys:
        again = alice.device.get(options, key)
        target.expect(await client.post("/api/login/passkey", json=again), 401)


async def test_a_challenge_spelled_otherwise_is_good_no_second_time(client: Client) -> None:
    alice = await with_passkey(client)
    options = await alice.options("/api/login/passkey")
    alice.device.step = 0
    for spelling, status in ((b"", 200), (b"=", 401), (b"==", 401), (b"!", 401)):
        respelled = {"challenge": encode(decode(options["challenge"]) + spelling)}
        shown = alice.device.get(respelled)
        assert (await client.post("/api/login/passkey", json=shown)).status_code == status


async def test_a_challenge_is_good_for_five_minutes(client: Client, clock: Clock) -> None:
    alice = await with_passkey(client)
    for seconds, statuses in ((CHALLENGE_SECONDS - 1, (200, 201)), (CHALLENGE_SECONDS, (401, 403))):
        # Each challenge is made on a whole second.
        to_sign_in = await alice.options("/api/login/passkey")
        to_add = await alice.options("/api/passkeys")
        clock.turn(seconds)
        made = await client.post("/api/passkeys", json=alice.device.create(to_add))
        shown = alice.device.get(to_sign_in, alice.device.keys[0])
        signed_in = await client.post("/api/login/passkey", json=shown)
        assert (signed_in.status_code, made.status_code) == statuses
        await alice.sign_in()


async def test_a_challenge_of_a_clock_far_ahead_is_good_for_nothing(
    client: Client, clock: Clock
) -> None:
    alice = await with_passkey(client)
    clock.turn(3_600)
    options = await alice.options("/api/login/passkey")
    clock.turn(-3_600)
    shown = alice.device.get(options)
    assert (await client.post("/api/login/passkey", json=shown)).status_code == 401


async def test_a_challenge_is_good_in_the_browser_that_asked_for_it_alone(
    client: Client, other: Client
) -> None:
    alice = await with_passkey(client)
    options = await Person(other).options("/api/login/passkey")
    shown = alice.device.get(options)
    # Asked for by the attacker, signed by Alice: in no other browser, and in none without a cookie.
    await alice.options("/api/login/passkey")
    without = Client(client.app)
    for browser in (client, without):
        assert (await browser.post("/api/login/passkey", json=shown)).status_code == 401


async def test_a_challenge_is_good_for_its_purpose_and_its_user_alone(client: Client) -> None:
    alice = await with_passkey(client)
    paths = {
        "/api/login/passkey": "/api/login/passkey",
        "/api/confirm/passkey": "/api/confirm",
    }
    for asked in (*paths, "/api/passkeys"):
        options = await alice.options(asked)
        for path, target in paths.items():
            if path != asked:
                answer = await client.post(target, json=alice.device.get(options))
                assert answer.status_code in (401, 403), (asked, path)
        if asked != "/api/passkeys":
            to_add = {**await alice.options("/api/passkeys"), "challenge": options["challenge"]}
            made = alice.device.create(to_add)
            alice.device.keys.pop()
            assert (await client.post("/api/passkeys", json=made)).status_code == 403, asked
    # Bob signs in with the same browser.
    options = await alice.options("/api/confirm/passkey")
    to_add = await alice.options("/api/passkeys")
    bob = await with_passkey(client, BOB)
    answer = await client.post("/api/confirm", json=bob.device.get(options))
    assert answer.status_code == 403
    answer = await client.post("/api/passkeys", json=bob.device.create(to_add))
    assert answer.status_code == 403


async def test_a_challenge_for_a_new_passkey_is_good_in_the_session_that_was_fresh_alone(
    client: Client, clock: Clock
) -> None:
    alice = await with_passkey(client)
    made = alice.device.create(await alice.options("/api/passkeys"))
    await client.post("/api/logout")
    clock.turn(1)
    # With the password alone, of an account that has more.
    await client.sign_in()
    assert (await client.post("/api/passkeys", json=made)).status_code == 403


async def test_a_challenge_that_was_made_up_is_refused(client: Client) -> None:
    alice = await with_passkey(client)
    [cookie] = [each for each in client.cookies.jar if each.name.endswith(COOKIE_OF_CHALLENGES)]
    for challenge in ("", encode(b"x" * 32), encode(str(cookie.value).encode()), encode(b"a.1.b")):
        shown = alice.device.get({"challenge": challenge})
        assert (await client.post("/api/login/passkey", json=shown)).status_code == 401


async def test_a_passkey_of_somebody_else_confirms_nothing(client: Client, other: Client) -> None:
    alice = await with_passkey(client)
    bob = await with_passkey(other, BOB)
    stolen = Person(client, bob.device)
    assert (await stolen.confirm()).status_code == 403
    # Even where an authenticator leaves out whose it is.
    shown = bob.device.get(await alice.options("/api/confirm/passkey"))
    del shown["response"]["userHandle"]
    assert (await client.post("/api/confirm", json=shown)).status_code == 403


async def test_a_passkey_says_truly_whose_it_is(client: Client, other: Client) -> None:
    alice = await with_passkey(client)
    bob = await with_passkey(other, BOB)
    key = alice.device.keys[0]
    for handle in (bob.device.keys[0].user_handle, "", encode(b"1"), None):
        key.user_handle = handle or ""
        shown = alice.device.get(await alice.options("/api/login/passkey"))
        if handle is None:
            del shown["response"]["userHandle"]
        assert (await client.post("/api/login/passkey", json=shown)).status_code == 401


async def test_nobody_adds_changes_or_removes_the_passkey_of_another(
    client: Client, other: Client
) -> None:
    alice = await with_passkey(client)
    await with_passkey(other, BOB)
    path = f"/api/passkeys/{encode(alice.device.keys[0].id)}"
    assert (await other.patch(path, json={"name": "x"})).status_code == 404
    assert (await other.delete(path)).status_code == 404
    # The same credential, under the attacker's account.
    options = await Person(other).options("/api/passkeys")
    again = alice.device.create(options, alice.device.keys[0])
    answer = await other.post("/api/passkeys", json=again)
    assert answer.status_code == 409
    assert len((await other.get("/api/passkeys")).json()) == 1
    alice.device.keys.pop()
    assert (await alice.sign_in()).json()["id"] == 1


async def test_whoever_has_stolen_a_session_adds_no_passkey(client: Client, clock: Clock) -> None:
    await client.signed_in()
    clock.turn(601)
    answer = await client.post("/api/passkeys/options")
    assert answer.status_code == 403
    made = Person(client).device.create(
        {"rp": {"id": "localhost"}, "user": {"id": encode(b"x")}, "challenge": encode(b"y" * 32)}
    )
    assert (await client.post("/api/passkeys", json=made)).status_code == 403
    for method, path in (("DELETE", "/api/passkeys/x"), ("DELETE", "/api/password")):
        assert (await client.request(method, path)).status_code == 403
    assert (await client.put("/api/password", json={"new_password": "x"})).status_code == 403


async def test_a_disabled_account_has_no_way_in(client: Client, services: Services) -> None:
    alice = await with_passkey(client)
    await services.users.disable(ALICE)
    assert (await alice.sign_in()).status_code == 401
    await services.users.enable(ALICE)
    assert (await alice.sign_in()).status_code == 200


async def test_two_passkeys_are_not_removed_at_once_when_they_are_the_last(
    client: Client, other: Client
) -> None:
    alice = await with_passkey(client)
    await alice.add()
    await client.delete("/api/password")
    first, second = alice.device.keys
    elsewhere = Person(other, alice.device)
    await elsewhere.sign_in()
    answers = await asyncio.gather(
        client.delete(f"/api/passkeys/{encode(first.id)}"),
        other.delete(f"/api/passkeys/{encode(second.id)}"),
    )
    statuses = [each.status_code for each in answers]
    # Whichever comes later has no session any more, or is told that it would be the last.
    assert sorted(statuses) in ([204, 401], [204, 409])
    left = second if statuses[0] == 204 else first
    shown = alice.device.get(await alice.options("/api/login/passkey"), left)
    assert (await client.post("/api/login/passkey", json=shown)).status_code == 200


@pytest.mark.parametrize("algorithm", [0, -259, -65535, 5, "none"])
async def test_other_algorithms_are_not_accepted(client: Client, algorithm: Any) -> None:
    alice = Person(await client.signed_in())
    alice.device.algorithm = algorithm
    assert (await alice.add()).status_code == 403


async def test_a_signature_is_by_the_key_that_was_registered(client: Client) -> None:
    alice = await with_passkey(client)
    key = alice.device.keys[0]
    forged = Key(key.rp_id, key.user_handle, id=key.id)
    shown = alice.device.get(await alice.options("/api/login/passkey"), forged)
    assert (await client.post("/api/login/passkey", json=shown)).status_code == 401
    for signature in ("", encode(b"\0" * 64)):
        shown = alice.device.get(await alice.options("/api/login/passkey"))
        shown["response"]["signature"] = signature
        assert (await client.post("/api/login/passkey", json=shown)).status_code == 401


async def test_a_flood_of_challenges_leaves_nothing_behind(
    client: Client, services: Services
) -> None:
    for _ in range(20):
        await Person(client).options("/api/login/passkey")
    counts = select(func.count()).select_from(RequestCount)
    [row] = await services.database.fetch_all(counts)
    assert row[0] == 0


async def test_sign_ins_from_one_address_are_limited(client: Client) -> None:
    answers = [await client.post("/api/login/passkey", json={}) for _ in range(101)]
    assert [each.status_code for each in answers[-2:]] == [422, 429]


@pytest.mark.parametrize(
    "value", [b"\xe9", b"x" * 5000, b"x", b"\x01", b"a b", b"y" * 42 + b"\xe9"]
)
async def test_a_cookie_that_was_not_given_out_is_replaced(client: Client, value: bytes) -> None:
    name = client.app.state.services.cookie.name.replace("-session", COOKIE_OF_CHALLENGES)
    headers = [(b"cookie", name.encode() + b"=" + value)]
    response = await client.post("/api/login/passkey/options", headers=headers)
    assert response.status_code == 200
    [cookie] = response.headers.get_list("set-cookie")
    given = cookie.removeprefix(f"{name}=").partition("; ")[0]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", given)
    assert len(given) == 43
