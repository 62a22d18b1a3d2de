"""An attacker guesses passwords: slowly, and without locking others out."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.models import LoginAttempt
from app.services import Services
from app.users.errors import TooManyFailures
from app.users.passwords import Passwords
from app.users.rate_limit import WIDER, RateLimiter
from tests.attacks.stories import Target, story
from tests.client import Browser, Client
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB, MALLORY, name_of, spellings
from tests.recorder import Recorder

WRONG = "not the right password"

# What most tests allow, instead of the default of five: it is the rule that they are about.
LIMIT = 2
WIDER_LIMIT = LIMIT * WIDER


@pytest.fixture
async def app(start: Start) -> FastAPI:
    return await start(login_max_failures=LIMIT)


async def fail(client: Client, name: str = ALICE, times: int = LIMIT) -> None:
    for _ in range(times):
        assert (await client.sign_in(name, WRONG)).status_code == 401


async def test_after_five_failures_even_the_right_password_waits(
    start: Start, clock: Clock
) -> None:
    client = Client(await start())
    await client.register()
    await fail(client, times=5)
    clock.turn(100)
    response = await client.sign_in()
    assert response.status_code == 429
    assert response.headers["retry-after"] == "800"
    assert response.json() == {"detail": "Too many failed attempts. Try again in 14 minutes."}
    clock.turn(800)
    assert (await client.sign_in()).status_code == 200


async def test_waiting_does_not_grow_by_asking_again(client: Client, clock: Clock) -> None:
    await client.register()
    await fail(client)
    for _ in range(8):
        clock.turn(100)
        assert (await client.sign_in()).status_code == 429
    clock.turn(100)
    assert (await client.sign_in()).status_code == 200


async def use_up(target: Target) -> tuple[Browser, str]:
    """Guess a newcomer's password until guesses are refused; return who guesses, and the name."""
    client, name = target.browser(), target.newcomer()
    await target.signed_in(name)
    for _ in range(20):
        response = await client.sign_in(name, WRONG)
        if response.status_code == 429:
            break
        target.expect(response, 401)
    target.expect(response, 429)
    return client, name


@story("guessing under other spellings", promise=40)
async def test_another_spelling_of_the_name_does_not_evade_the_rate_limit(target: Target) -> None:
    """Guess until guesses are refused, and go on with the same name in capitals or full width."""
    client, name = await use_up(target)
    for spelling in spellings(name):
        target.expect(await client.sign_in(spelling), 429)


async def test_failures_from_the_future_lock_nobody_out(client: Client, clock: Clock) -> None:
    await client.register()
    clock.turn(4 * 365 * 24 * 3600)
    await fail(client)
    assert (await client.sign_in()).status_code == 429
    clock.turn(-4 * 365 * 24 * 3600)
    assert (await client.sign_in()).status_code == 200
    # Of a host whose clock is half a minute ahead, they count, and no longer than the window.
    clock.turn(30)
    await fail(client)
    clock.turn(-30)
    response = await client.sign_in()
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) <= 900


async def test_attempts_that_nobody_could_finish_count_for_a_minute(
    client: Client, services: Services, clock: Clock
) -> None:
    """As of a process that was killed, or whose database went away, while it checked them."""
    await client.register()
    for _ in range(LIMIT):
        await services.rate_limiter.acquire(ALICE, "192.0.2.1")
    assert (await client.sign_in()).status_code == 429
    clock.turn(60)
    assert (await client.sign_in()).status_code == 200


async def test_a_sign_in_from_the_future_makes_no_address_known_for_years(
    client: Client, clock: Clock
) -> None:
    await client.register()
    clock.turn(4 * 365 * 24 * 3600)
    assert (await client.sign_in()).status_code == 200
    clock.turn(-4 * 365 * 24 * 3600)
    for number in range(WIDER_LIMIT):
        await fail(Client(client.app, address=f"203.0.113.{number}"), times=1)
    assert (await client.sign_in()).status_code == 429


@story("guessing behind forwarding headers", promise=34)
async def test_forwarding_headers_do_not_evade_the_rate_limit(target: Target) -> None:
    """Guess until guesses are refused, and go on with headers that name another address."""
    client, user = await use_up(target)
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "client-ip"):
        client.headers[name] = "203.0.113.9"
        target.expect(await client.sign_in(user), 429)


@pytest.mark.parametrize(
    "spelling",
    [
        *("{}", "{}:1234", "{}:+12", "{}:1_2", "203.0.113.250, {}"),
        *("{}\xff", "[2001:db8::{}]:1234", "\xe9{}"),
    ],
)
async def test_forwarding_headers_that_uvicorn_believes_do_not_either(
    app: FastAPI, spelling: str
) -> None:
    client = BehindUvicorn(app, address="127.0.0.1")
    await client.register()
    for number in range(LIMIT):
        claimed = spelling.format(f"203.0.113.{number}").encode("latin-1")
        await client.sign_in(password=WRONG, headers={b"x-forwarded-for": claimed})
    claimed = spelling.format("203.0.113.99").encode("latin-1")
    response = await client.sign_in(headers={b"x-forwarded-for": claimed})
    assert response.status_code == 429


async def test_nobody_becomes_this_machine_by_naming_their_own_address(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    client = BehindUvicorn(app, address="203.0.113.9")
    await client.register()
    await client.sign_in(headers={b"x-forwarded-for": b"203.0.113.9"})
    created = [json.loads(line) for line in caplog.messages if "session_created" in line]
    assert [event["address"] for event in created] == ["203.0.113.9"]


async def test_whoever_names_their_own_port_takes_the_place_of_nobody(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    attacker = BehindUvicorn(app, address="203.0.113.9")
    await attacker.register()
    own = {b"x-forwarded-for": b"203.0.113.9:50000"}
    for _ in range(LIMIT):
        await attacker.sign_in(password=WRONG, headers=own)
    assert (await attacker.sign_in(headers=own)).status_code == 429
    assert (await BehindUvicorn(app, address="127.0.0.1").sign_in()).status_code == 200
    failed = [json.loads(line) for line in caplog.messages if "authn_login_fail" in line]
    assert {event["address"] for event in failed} == {"local"}


async def test_a_proxy_that_the_operator_names_is_believed(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    client = BehindUvicorn(app, address="127.0.0.1")
    client.headers["x-forwarded-for"] = "203.0.113.9"
    await client.register()
    await client.sign_in()
    created = [json.loads(line) for line in caplog.messages if "session_created" in line]
    assert [event["address"] for event in created] == ["203.0.113.9"]


class BehindUvicorn(Client):
    """A client whose requests pass what uvicorn puts in front of an app by default."""

    def __init__(self, app: FastAPI, address: str) -> None:
        super().__init__(app, address)
        inside: Any = app
        outside: Any = ProxyHeadersMiddleware(inside, trusted_hosts="127.0.0.1")
        self._transport = Recorder(httpx2.ASGITransport(outside, client=(address, 50_000)))


async def test_the_owner_can_sign_in_from_another_address(client: Client, other: Client) -> None:
    await client.register()
    await fail(other)
    assert (await client.sign_in()).status_code == 200


async def test_an_address_that_guesses_at_many_accounts_is_rate_limited(client: Client) -> None:
    for number in range(WIDER_LIMIT):
        await fail(client, name_of(f"user{number}"), times=1)
    assert (await client.sign_in(BOB, WRONG)).status_code == 429


async def test_a_success_does_not_buy_an_address_more_guesses(client: Client) -> None:
    await client.register(MALLORY)
    for number in range(WIDER_LIMIT):
        await fail(client, name_of(f"user{number}"), times=1)
        if number in (2, 5):
            assert (await client.sign_in(MALLORY)).status_code == 200
    assert (await client.sign_in(BOB, WRONG)).status_code == 429


async def test_guesses_from_many_addresses_lock_out_strangers_only(
    app: FastAPI, client: Client
) -> None:
    await client.register()
    assert (await client.sign_in()).status_code == 200
    for number in range(WIDER_LIMIT):
        await fail(Client(app, address=f"203.0.113.{number}"), times=1)
    stranger = Client(app, address="203.0.113.99")
    assert (await stranger.sign_in(ALICE, WRONG)).status_code == 429
    assert (await client.sign_in()).status_code == 200


async def test_an_ipv6_network_counts_as_one_address(app: FastAPI) -> None:
    await Client(app).register()
    for number in range(LIMIT):
        await fail(Client(app, address=f"2001:db8::{number:x}"), times=1)
    assert (await Client(app, address="2001:db8::ffff").sign_in()).status_code == 429
    assert (await Client(app, address="2001:db8:0:1::1").sign_in()).status_code == 200


async def test_an_ipv4_address_mapped_to_ipv6_is_the_same_address(app: FastAPI) -> None:
    await Client(app).register()
    await fail(Client(app, address="::ffff:203.0.113.5"))
    assert (await Client(app, address="203.0.113.5").sign_in()).status_code == 429


async def test_the_clients_of_a_unix_socket_count_as_one_address(app: FastAPI) -> None:
    await Client(app).register()
    await fail(Client(app, address=None))
    assert (await Client(app, address=None).sign_in()).status_code == 429
    assert (await Client(app).sign_in()).status_code == 200


async def test_a_success_forgets_the_failures_before_it(client: Client) -> None:
    await client.register()
    await fail(client, times=LIMIT - 1)
    await client.sign_in()
    await fail(client)
    assert (await client.sign_in()).status_code == 429


async def test_a_success_does_not_forget_the_failures_of_other_addresses(
    client: Client, other: Client
) -> None:
    await client.register()
    await fail(other)
    assert (await client.sign_in()).status_code == 200
    assert (await other.sign_in()).status_code == 429


async def test_a_late_success_settles_no_other_attempt(client: Client) -> None:
    services = client.app.state.services
    rate_limiter: RateLimiter = services.rate_limiter
    first = await rate_limiter.acquire("mallory", "192.0.2.1")
    second = await rate_limiter.acquire("mallory", "192.0.2.1")
    await rate_limiter.succeed(second)
    guess = await rate_limiter.acquire(ALICE, "192.0.2.1")
    await rate_limiter.succeed(first)
    await rate_limiter.fail(guess)
    assert guess.id not in (first.id, second.id)
    successes = select(LoginAttempt.id).where(LoginAttempt.outcome.is_(True))
    assert [row.id for row in await services.database.fetch_all(successes)] == [second.id]


async def test_attempts_that_are_still_being_checked_make_others_wait_a_second(
    client: Client,
) -> None:
    rate_limiter: RateLimiter = client.app.state.services.rate_limiter
    pending = [await rate_limiter.acquire(ALICE, "192.0.2.1") for _ in range(LIMIT)]
    with pytest.raises(TooManyFailures) as caught:
        await rate_limiter.acquire(ALICE, "192.0.2.1")
    assert caught.value.headers == {"Retry-After": "1"}
    for attempt in pending:
        await rate_limiter.fail(attempt)
    with pytest.raises(TooManyFailures) as caught:
        await rate_limiter.acquire(ALICE, "192.0.2.1")
    assert caught.value.headers == {"Retry-After": "900"}


async def test_of_many_guesses_at_once_no_more_are_checked_than_in_turn(client: Client) -> None:
    await client.register()
    responses = await asyncio.gather(*(client.sign_in(ALICE, WRONG) for _ in range(10)))
    checked = [response.status_code for response in responses].count(401)
    assert {response.status_code for response in responses} <= {401, 429}
    # Those that were refused while others were being checked may be tried again.
    while (await client.sign_in(ALICE, WRONG)).status_code == 401:
        checked += 1
    assert checked == LIMIT


async def test_people_behind_one_address_may_all_sign_in_at_once(
    client: Client, clock: Clock
) -> None:
    names = [name_of(f"user{number}") for number in range(WIDER_LIMIT + 4)]
    for name in names:
        await client.register(name)
        clock.turn(60)
    # Somebody among them guesses at the same moment.
    guessed = [name_of(f"guess{number}") for number in range(WIDER_LIMIT - 1)]
    guesses = [client.sign_in(name, WRONG) for name in guessed]
    honest = [Client(client.app).sign_in(name) for name in names]
    responses = await asyncio.gather(*guesses, *honest)
    assert {each.status_code for each in responses[: len(guesses)]} == {401}
    assert {each.status_code for each in responses[len(guesses) :]} == {200}


async def test_of_many_guesses_at_many_accounts_at_once_no_more_are_checked_than_in_turn(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is that runs the test.
    monkeypatch.setattr("app.turns.TURN_SECONDS", 600)
    client = Client(await start())
    guesses = (client.sign_in(name_of(f"user{number}"), WRONG) for number in range(60))
    statuses = [response.status_code for response in await asyncio.gather(*guesses)]
    assert statuses.count(401) == 20
    assert set(statuses) == {401, 429}


async def test_whoever_waits_too_long_for_others_of_their_address_is_told_so(
    client: Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register()
    monkeypatch.setattr("app.turns.TURN_SECONDS", 0)
    async with services.rate_limiter.checking(BOB, client.address):
        response = await asyncio.wait_for(client.sign_in(), timeout=10)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "2"
        assert (await Client(client.app, "198.51.100.7").sign_in()).status_code == 200
    assert (await client.sign_in()).status_code == 200


@pytest.mark.parametrize(
    "step", [(RateLimiter, "_wait"), (Passwords, "verify")], ids=["counting", "checking"]
)
async def test_an_attempt_that_was_cancelled_is_no_failure(
    client: Client, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    await client.register()
    reached, may_go = asyncio.Event(), asyncio.Event()

    async def take_long(*_: object) -> None:
        reached.set()
        await may_go.wait()

    with monkeypatch.context() as patched:
        patched.setattr(*step, take_long)
        for _ in range(LIMIT):
            reached.clear()
            may_go.clear()
            attempt = asyncio.create_task(client.sign_in())
            await asyncio.wait_for(reached.wait(), timeout=60)
            attempt.cancel()
            may_go.set()
            await asyncio.wait({attempt})
    assert (await client.sign_in()).status_code == 200


async def test_attempts_are_deleted_once_they_no_longer_count(client: Client, clock: Clock) -> None:
    await client.register()
    await fail(client, times=1)
    await client.sign_in()
    await fail(client, BOB)
    services = client.app.state.services
    assert await services.rate_limiter.delete_expired() == 0
    clock.turn(900)
    assert await services.delete_expired() >= LIMIT
    assert await services.rate_limiter.delete_expired() == 0
    clock.turn(30 * 24 * 3600)
    # The address that the account is known to sign in from.
    assert await services.rate_limiter.delete_expired() == 1
