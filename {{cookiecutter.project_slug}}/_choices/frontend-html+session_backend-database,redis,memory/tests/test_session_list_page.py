"""Sessions as people recognise them."""

import pytest

from app.sessions.session import Session
from app.pages.session_list import Device
from tests.client import Client
from tests.conftest import Clock
from tests.sessions import Begin

NOW = 1_800_000_000.0


def device(ip: str = "", user_agent: str = "", last_seen_at: float = NOW) -> Device:
    session = Session(
        user_id=1,
        session_version=0,
        created_at=last_seen_at,
        last_seen_at=last_seen_at,
        authenticated_at=last_seen_at,
        expires_at=NOW + 1,
        remember=False,
        ip=ip,
        user_agent=user_agent,
    )
    return Device.of(session, session, NOW)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Firefox/153.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "SecurityMiddleware on Windows"),
        ("Mozilla/5.0 (Macintosh; Mac OS X 10_15) Version/19.0 Safari/605.1", "Safari on Mac OS X"),
        ("curl/8.5.0", "curl"),
        ("(Linux)", "Unknown client on Linux"),
        ("<script>", "Unknown client"),
        ("", "Unknown client"),
    ],
)
def test_browser_and_system_are_said_in_words(user_agent: str, name: str) -> None:
    assert device(user_agent=user_agent).name == name


@pytest.mark.parametrize(
    ("ip", "place"),
    [
        ("8.8.4.4", "8.8.4.4"),
        ("::ffff:8.8.4.4", "8.8.4.4"),
        ("2001:4860:4860::8844", "2001:4860:4860::8844"),
        ("192.168.1.7", "local network, 192.168.1.7"),
        ("fd00::7", "local network, fd00::7"),
        ("127.0.0.1", "this app's own computer"),
        ("::1", "this app's own computer"),
        ("local", "local"),
    ],
)
def test_the_place_is_what_the_address_stands_for(ip: str, place: str) -> None:
    assert device(ip=ip).place == place


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (300, "5 minutes ago"), (7200, "2 hours ago"), (90_000, "a day ago")],
)
def test_last_seen_is_said_in_words_and_exactly(seconds: int, words: str) -> None:
    seen = device(last_seen_at=NOW - seconds).last_seen
    assert seen.words == words
    assert device().last_seen.exact == "2027-01-15 08:00 UTC"
    assert device().last_seen.iso == "2027-01-15T08:00:00+00:00"


async def test_of_a_thousand_the_latest_are_described_and_the_others_counted(
    client: Client, begin: Begin, clock: Clock
) -> None:
    await client.sign_in()
    for _ in range(60):
        clock.turn(1)
        await begin()
    page = (await client.get("/account")).text
    assert page.count("last seen") - page.count("Sign out<span") == 50
    assert "and 11 more" in page
    # Though it was seen the longest ago, this one is among them.
    assert page.count("this device") == 1


async def test_the_page_shows_each_and_which_is_this_one(
    client: Client, other: Client, clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(300)
    other.headers["user-agent"] = "<b>Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Firefox/153.0"
    await other.sign_in()
    page = (await other.get("/account")).text
    here, elsewhere = page.split("<li>")[1:][-2:]
    assert "Firefox on Linux" in here
    assert "this device" in here
    assert "Sign out" not in here
    assert "5 minutes ago" in elsewhere
    assert "this device" not in elsewhere
    assert "192.0.2.1" in elsewhere
    assert "<b>" not in page
