"""Guessing is slow, and nobody is locked out by others."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.accounts.errors import TooManyFailures
from app.models import LoginAttempt
from tests.browser import Browser
from tests.conftest import Clock, Start
from tests.recorder import Recorder

WRONG = "not the right password"


async def fail(browser: Browser, name: str = "alice", times: int = 5) -> None:
    for _ in range(times):
        assert (await browser.sign_in(name, WRONG)).status_code == 401


async def test_after_five_failures_even_the_right_password_waits(
    browser: Browser, clock: Clock
) -> None:
    await browser.register()
    await fail(browser)
    clock.turn(100)
    response = await browser.sign_in()
    assert response.status_code == 429
    assert response.headers["retry-after"] == "800"
    clock.turn(800)
    assert (await browser.sign_in()).status_code == 200


async def test_waiting_does_not_grow_by_asking_again(browser: Browser, clock: Clock) -> None:
    await browser.register()
    await fail(browser)
    for _ in range(9):
        clock.turn(100)
        response = await browser.sign_in()
    assert response.status_code == 200


@pytest.mark.parametrize(
    "spelling", ["Alice", " alice", "ALICE ", "\uff41\uff4c\uff49\uff43\uff45"]
)
async def test_another_spelling_of_the_name_does_not_evade_it(
    browser: Browser, spelling: str
) -> None:
    await browser.register("alice")
    await fail(browser)
    assert (await browser.sign_in(spelling)).status_code == 429


async def test_forwarding_headers_do_not_evade_it(browser: Browser) -> None:
    await browser.register()
    await fail(browser)
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "client-ip"):
        browser.headers[name] = "203.0.113.9"
    assert (await browser.sign_in()).status_code == 429


@pytest.mark.parametrize("spelling", ["{}", "{}:1234", "203.0.113.250, {}"])
async def test_nor_do_they_where_uvicorn_believes_them_by_default(
    start: Start, spelling: str
) -> None:
    app = await start()
    browser = BehindUvicorn(app, address="127.0.0.1")
    await browser.register()
    for number in range(5):
        browser.headers["x-forwarded-for"] = spelling.format(f"203.0.113.{number}")
        await fail(browser, times=1)
    browser.headers["x-forwarded-for"] = spelling.format("203.0.113.99")
    assert (await browser.sign_in()).status_code == 429


async def test_a_proxy_that_the_operator_names_is_believed(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    browser = BehindUvicorn(await start(), address="127.0.0.1")
    browser.headers["x-forwarded-for"] = "203.0.113.9"
    caplog.set_level("INFO", "app.security")
    await browser.signed_in()
    created = [json.loads(line) for line in caplog.messages if "session_created" in line]
    assert [event["address"] for event in created] == ["203.0.113.9"]


class BehindUvicorn(Browser):
    """A browser whose requests pass what uvicorn puts before an app by default."""

    def __init__(self, app: FastAPI, address: str) -> None:
        super().__init__(app, address)
        inside: Any = app
        outside: Any = ProxyHeadersMiddleware(inside, trusted_hosts="127.0.0.1")
        self._transport = Recorder(httpx2.ASGITransport(outside, client=(address, 50_000)))


async def test_the_owner_gets_in_from_elsewhere(browser: Browser, other: Browser) -> None:
    await browser.register()
    await fail(other)
    assert (await browser.sign_in()).status_code == 200


async def test_an_address_that_guesses_at_many_accounts_is_stopped(browser: Browser) -> None:
    for number in range(20):
        await fail(browser, f"user{number}", times=1)
    assert (await browser.sign_in("user20", WRONG)).status_code == 429


async def test_a_success_does_not_buy_an_address_more_guesses_at_others(
    browser: Browser,
) -> None:
    await browser.register("mallory")
    for number in range(20):
        await fail(browser, f"user{number}", times=1)
        if number % 4 == 3 and number < 19:
            assert (await browser.sign_in("mallory")).status_code == 200
    assert (await browser.sign_in("user20", WRONG)).status_code == 429


async def test_an_account_guessed_at_from_many_addresses_is_closed_to_strangers_only(
    start: Start,
) -> None:
    app = await start()
    owner = Browser(app, address="192.0.2.1")
    await owner.register()
    assert (await owner.sign_in()).status_code == 200
    for number in range(20):
        await fail(Browser(app, address=f"203.0.113.{number}"), times=1)
    stranger = Browser(app, address="203.0.113.99")
    assert (await stranger.sign_in("alice", WRONG)).status_code == 429
    assert (await owner.sign_in()).status_code == 200


async def test_a_subscriber_of_ipv6_is_one_address(start: Start) -> None:
    app = await start()
    await Browser(app).register()
    for number in range(5):
        await fail(Browser(app, address=f"2001:db8::{number:x}"), times=1)
    assert (await Browser(app, address="2001:db8::ffff").sign_in()).status_code == 429
    assert (await Browser(app, address="2001:db8:0:1::1").sign_in()).status_code == 200


async def test_an_ipv4_address_inside_ipv6_is_the_same_address(start: Start) -> None:
    app = await start()
    await Browser(app).register()
    await fail(Browser(app, address="::ffff:203.0.113.5"))
    assert (await Browser(app, address="203.0.113.5").sign_in()).status_code == 429


async def test_a_success_forgets_the_failures_before_it(browser: Browser) -> None:
    await browser.register()
    await fail(browser, times=4)
    await browser.sign_in()
    await fail(browser, times=5)
    assert (await browser.sign_in()).status_code == 429


async def test_a_success_here_does_not_forget_the_failures_elsewhere(
    browser: Browser, other: Browser
) -> None:
    await browser.register()
    await fail(other, times=5)
    assert (await browser.sign_in()).status_code == 200
    assert (await other.sign_in()).status_code == 429


async def test_a_late_success_settles_no_other_guess(browser: Browser) -> None:
    throttle = browser.app.state.services.throttle
    first = await throttle.admit("mallory", "192.0.2.1")
    second = await throttle.admit("mallory", "192.0.2.1")
    await throttle.succeed(second)
    guess = await throttle.admit("alice", "192.0.2.1")
    await throttle.succeed(first)
    await throttle.fail(guess)
    assert guess.id not in (first.id, second.id)
    database = browser.app.state.services.database
    known = await database.all(select(LoginAttempt.id).where(LoginAttempt.outcome.is_(True)))
    assert [row.id for row in known] == [second.id]


async def test_guesses_that_are_still_looked_at_cost_others_a_second(
    browser: Browser,
) -> None:
    throttle = browser.app.state.services.throttle
    pending = [await throttle.admit("alice", "192.0.2.1") for _ in range(5)]
    with pytest.raises(TooManyFailures) as caught:
        await throttle.admit("alice", "192.0.2.1")
    assert caught.value.retry_after == 1
    for attempt in pending:
        await throttle.fail(attempt)
    with pytest.raises(TooManyFailures) as caught:
        await throttle.admit("alice", "192.0.2.1")
    assert caught.value.retry_after == 900


async def test_of_many_guesses_at_once_no_more_pass_than_in_turn(browser: Browser) -> None:
    await browser.register()
    answers = await asyncio.gather(*(browser.sign_in("alice", WRONG) for _ in range(20)))
    assert sum(answer.status_code == 401 for answer in answers) <= 5
    assert {answer.status_code for answer in answers} <= {401, 429}


async def test_attempts_are_deleted_once_they_no_longer_count(
    browser: Browser, clock: Clock
) -> None:
    await browser.register()
    await fail(browser, times=3)
    await browser.sign_in()
    await fail(browser, "nobody", times=2)
    sweep = browser.app.state.services.throttle.sweep
    assert await sweep() == 0
    clock.turn(900)
    assert await browser.app.state.services.purge() >= 2
    assert await sweep() == 0
    clock.turn(30 * 24 * 3600)
    assert await sweep() == 1  # the known address


async def test_all_that_comes_by_a_socket_of_this_machine_is_one_address(start: Start) -> None:
    app = await start()
    await Browser(app).register()
    await fail(Browser(app, address="local"))
    assert (await Browser(app, address="local").sign_in()).status_code == 429
