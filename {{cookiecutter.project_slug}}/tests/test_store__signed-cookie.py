"""Sessions in their tickets: what they cost, what they say, and what the server remembers."""

import json

import pytest
from itsdangerous.encoding import base64_decode
from sqlalchemy import text

from app.services import Services
from app.sessions.session import Session, SessionEnded
from app.sessions.ticket import Tickets
from app.sessions.values import TooMuchData
from tests.browser import COOKIE, Browser
from tests.conftest import KEY, Clock, Start
from tests.sessions import Begin, resume

PERSONAL = ("alice", "Telephone/1.0", "192.0.2.1", "a readable text", "theme")


@pytest.mark.parametrize("path", ["/api/session", "/api/me", "/api/data"])
async def test_an_authenticated_request_costs_one_statement(
    browser: Browser, statements: list[str], path: str
) -> None:
    await browser.signed_in()
    statements.clear()
    assert (await browser.get(path)).status_code == 200
    assert [statement.split()[0] for statement in statements] == ["SELECT"]


async def test_an_expired_ticket_costs_none(
    browser: Browser, statements: list[str], clock: Clock
) -> None:
    await browser.signed_in()
    clock.turn(3600)
    statements.clear()
    assert not await browser.is_signed_in()
    assert statements == []


async def test_nothing_personal_can_be_read_in_it(browser: Browser) -> None:
    browser.headers["user-agent"] = "Telephone/1.0"
    await browser.signed_in()
    await browser.put("/api/session/data/theme", json="a readable text")
    readable = b"".join(map(base64_decode, str(browser.ticket).split(".")))
    for words in PERSONAL:
        assert words.encode() not in readable


async def test_it_is_issued_again_once_a_minute(browser: Browser, clock: Clock) -> None:
    await browser.signed_in()
    first = browser.ticket
    clock.turn(59)
    assert "set-cookie" not in (await browser.get("/api/me")).headers
    clock.turn(1)
    [cookie] = (await browser.get("/api/session")).headers.get_list("set-cookie")
    assert cookie.startswith(f"{COOKIE}={browser.ticket}; Path=/; HttpOnly; Secure; SameSite=")
    assert "Max-Age" not in cookie
    assert browser.ticket != first
    assert "set-cookie" not in (await browser.get("/api/me")).headers


async def test_one_to_remember_keeps_its_end_when_it_is_issued_again(
    browser: Browser, clock: Clock
) -> None:
    await browser.register()
    await browser.sign_in(remember=True)
    clock.turn(86_400)
    response = await browser.get("/api/me")
    assert response.headers["set-cookie"].endswith(f"; Max-Age={2_592_000 - 86_400}")


async def test_it_fits_into_a_cookie_or_is_refused(browser: Browser) -> None:
    await browser.signed_in()
    sizes = []
    for size in range(2_000, 3_200, 20):
        response = await browser.put("/api/session/data/x", json="x" * size)
        assert response.status_code in (204, 413)
        if response.status_code == 204:
            sizes.append(size)
            assert len(f"{COOKIE}={browser.ticket}") <= 4096 + 1
        assert await browser.is_signed_in()
    assert 2_600 < max(sizes) < 3_000


async def test_noting_the_use_of_a_full_one_keeps_its_size(begin: Begin, clock: Clock) -> None:
    session = await begin()
    with pytest.raises(TooMuchData):
        for size in range(2_000, 3_200):
            await session.set("x", "x" * size)
    length = len(session.ticket)
    clock.turn(0.123_456_789)
    session.change(session.record._replace(last_seen_at=clock.now, epoch=2**40))
    assert len(session.ticket) == length


async def test_every_copy_of_it_ends(services: Services, begin: Begin, clock: Clock) -> None:
    session = await begin()
    copies = [session]
    for _ in range(3):
        clock.turn(60)
        copies.append(await resume(services, copies[-1]))
    await services.sessions.end(copies[1].ticket)
    for copy in copies:
        assert await services.sessions.resume(copy.ticket) is None


async def test_ended_ones_are_remembered_until_no_ticket_of_theirs_is_good(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session, remembered = await begin(), await begin(remember=True)
    await services.sessions.end(session.ticket, remembered.ticket)
    clock.turn(43_199)
    assert await services.sessions.sweep() == 0
    clock.turn(1)
    assert await services.sessions.sweep() == 1
    clock.turn(2_592_000 - 43_200)
    assert await services.purge() == 1
    assert await services.sessions.resume(remembered.ticket) is None


async def test_starting_one_sweeps_so_that_the_table_stays_bounded(
    services: Services, begin: Begin, clock: Clock
) -> None:
    for _ in range(3):
        await services.sessions.end((await begin()).ticket)
        clock.turn(43_200)
    await begin()
    count = text("SELECT count(*) FROM ended_sessions")
    assert (await services.database.one(count))[0] == 0


async def test_a_host_whose_clock_is_behind_ends_one_all_the_same(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    clock.turn(-100)
    await services.sessions.end(session.ticket)
    clock.turn(100)
    assert await services.sessions.resume(session.ticket) is None


async def test_starting_one_writes_nothing(services: Services, begin: Begin) -> None:
    await begin()
    count = text("SELECT count(*) FROM ended_sessions")
    assert (await services.database.one(count))[0] == 0


async def test_one_from_the_far_future_is_none(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    clock.turn(-60)
    assert await services.sessions.resume(session.ticket)
    clock.turn(-1)
    assert await services.sessions.resume(session.ticket) is None


async def test_no_list_of_sessions_is_there(browser: Browser) -> None:
    await browser.signed_in()
    assert (await browser.get("/api/sessions")).status_code == 405
    session_id = (await browser.get("/api/session")).json()["id"]
    assert (await browser.delete(f"/api/sessions/{session_id}")).status_code == 404
    assert await browser.is_signed_in()


async def test_ending_all_others_gives_this_one_a_new_ticket(browser: Browser) -> None:
    await browser.signed_in()
    old = browser.ticket
    response = await browser.delete("/api/sessions")
    assert len(response.headers.get_list("set-cookie")) == 1
    assert await browser.is_signed_in()
    assert not await browser.opens(old)


async def test_ending_all_others_twice_at_once_leaves_one_at_most(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    first, second = await resume(services, session), await resume(services, session)
    await services.sessions.end_others(first)
    with pytest.raises(SessionEnded):
        await services.sessions.end_others(second)
    assert await services.sessions.resume(first.ticket)
    assert await services.sessions.resume(second.ticket) is None


async def test_a_logout_that_cannot_be_done_is_not_pretended(
    start: Start, browser: Browser, unreachable_database_url: str
) -> None:
    await browser.signed_in()
    cookie = f"{COOKIE}={browser.ticket}"
    cut_off = Browser(await start(database_url=unreachable_database_url))
    assert (await cut_off.send_cookie(cookie, "/api/session")).status_code == 503
    response = await cut_off.post("/api/logout", headers={"cookie": cookie})
    assert response.status_code == 503
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("text", ["A" * 108 + ".", "A" * 107 + ".", "." * 3, "A" * 5000], ids=len)
def test_what_has_not_its_form_is_none(text: str) -> None:
    assert Tickets([KEY]).read(text) is None


def test_its_claims_are_those_of_the_session() -> None:
    fields = Session(1, 2, 3.5, 4.5, 5.5, 6.5, remember=True)
    ticket, session = Tickets([KEY]).issue(fields)
    assert Tickets([KEY]).read(ticket) == session
    assert json.dumps(session[:7]) == "[1, 2, 3.5, 4.5, 5.5, 6.5, true]"
