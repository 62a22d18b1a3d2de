"""Notices: what happens to an account is told to its owner, in words."""

import html
import re

import pytest
from sqlalchemy import select

from app.config import PROJECT
from app.errors import StoreUnavailable
from app.models import KnownDevice
from app.services import Services
from app.sessions.session import ClientInfo
from app.users.known_devices import KEEP_SECONDS, KnownDevices
from tests.client import PASSWORD, Client
from tests.conftest import Clock, NewLink
from tests.mail import mails
from tests.people import ALICE, BOB
from tests.test_links import NEW_PASSWORD, reset

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
BROWSERS = [
    SAFARI,
    "curl/8.14.1",
    "Wget/1.25.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Lynx/2.9.2",
]
CAUSE = "using Firefox on Linux from 192.0.2.1 on 15 January 2027 at 08:00 UTC"


@pytest.fixture(autouse=True)
def firefox(client: Client) -> None:
    client.headers["user-agent"] = FIREFOX


async def subjects(client: Client, to: str = ALICE) -> list[str]:
    return [mail.subject for mail in await mails(client.app, to)]


async def test_a_new_password_is_told_with_browser_address_and_time(client: Client) -> None:
    await client.signed_in(ALICE)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    wrong = {**body, "current_password": "not the right password"}
    assert (await client.post("/api/password", json=wrong)).status_code == 403
    assert await mails(client.app) == []
    assert (await client.post("/api/password", json=body)).status_code == 204
    [mail] = await mails(client.app)
    assert (mail.to, mail.subject) == (ALICE, "Your password has been changed")
    assert CAUSE in mail.text
    assert CAUSE in mail.html
    assert "If it was not you" in mail.text
    assert "\nhttp://localhost:8000/forgot\n" in mail.text


async def test_a_reset_password_is_told(client: Client, new_link: NewLink) -> None:
    await client.register(ALICE)
    token = await new_link()
    assert (await reset(client, token)).status_code == 204
    mail = (await mails(client.app))[0]
    assert (mail.to, mail.subject) == (ALICE, "Your password has been changed")
    assert CAUSE in mail.text


async def test_a_password_that_an_operator_set_is_told(client: Client, services: Services) -> None:
    await client.register(ALICE)
    await services.users.set_password(ALICE, NEW_PASSWORD)
    mail = (await mails(client.app))[0]
    assert mail.subject == "Your password has been changed"
    assert "An operator" in mail.text
    assert "Unknown browser" not in mail.text


async def test_a_sign_in_from_a_device_not_seen_before_is_told_once(
    client: Client, other: Client
) -> None:
    await client.register(ALICE)
    before = len(await mails(client.app))
    for _ in range(2):
        await client.sign_in(ALICE)
    # Nobody needs to be told of the first.
    assert len(await mails(client.app)) == before
    client.headers["user-agent"] = SAFARI
    await client.sign_in(ALICE, "not the right password")
    assert len(await mails(client.app)) == before
    for _ in range(2):
        await client.sign_in(ALICE)
    mail = (await mails(client.app, ALICE))[0]
    assert mail.subject == "A new sign-in to your account"
    assert "using Mobile Safari on iOS from 192.0.2.1 on 15 January 2027" in mail.text
    assert "\nhttp://localhost:8000/forgot\n" in mail.text
    other.headers["user-agent"] = FIREFOX
    await other.sign_in(ALICE)
    assert "198.51.100.7" in (await mails(client.app, ALICE))[0].text
    assert len(await mails(client.app)) == before + 2


async def test_whoever_wakes_an_account_that_slept_for_long_is_told(
    client: Client, other: Client, services: Services, clock: Clock
) -> None:
    await client.register(ALICE)
    await client.sign_in(ALICE)
    clock.turn(KEEP_SECONDS)
    await services.delete_expired()
    await other.sign_in(ALICE)
    assert (await subjects(client))[0] == "A new sign-in to your account"


async def test_nobody_is_told_of_more_than_five_new_devices_an_hour(
    client: Client, clock: Clock
) -> None:
    """Or a thief could bury what else the owner is told."""
    await client.register(ALICE)
    await client.sign_in(ALICE)
    before = len(await mails(client.app))
    for agent in BROWSERS:
        client.headers["user-agent"] = agent
        assert (await client.sign_in(ALICE)).status_code == 200
    assert len(await mails(client.app)) == before + 5
    clock.turn(3_600)
    await client.sign_in(ALICE)
    assert len(await mails(client.app)) == before + 6


async def test_nobody_gets_the_cookie_without_that_the_owner_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailable("cut off")

    await client.register(ALICE)
    monkeypatch.setattr(KnownDevices, "note", fail)
    response = await client.sign_in(ALICE)
    assert response.status_code == 503
    assert "set-cookie" not in response.headers


async def test_nobody_causes_notices_without_end(
    client: Client, other: Client, clock: Clock
) -> None:
    await client.signed_in(ALICE)
    await other.sign_in(ALICE)
    passwords, before = [PASSWORD, NEW_PASSWORD] * 12, len(await mails(client.app))

    async def change(visitor: Client) -> int:
        body = {"current_password": passwords[0], "new_password": passwords[1]}
        response = await visitor.post("/api/password", json=body)
        if response.status_code == 204:
            del passwords[0]
        return response.status_code

    assert [await change(client) for _ in range(21)] == [204] * 20 + [429]
    assert len(await mails(client.app)) == before + 20
    await other.sign_in(ALICE, passwords[0])
    assert await change(other) == 204
    clock.turn(60)
    await client.sign_in(ALICE, passwords[0])
    assert await change(client) == 204


async def test_a_stranger_at_the_same_address_keeps_nobody_from_changing_a_password(
    client: Client,
) -> None:
    await client.signed_in(ALICE)
    stranger = Client(client.app)
    asked = [
        await stranger.post("/api/password/forgot", json={"email": f"nobody{number}@example.com"})
        for number in range(21)
    ]
    assert [each.status_code for each in asked] == [202] * 20 + [429]
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/api/password", json=body)).status_code == 204


async def test_no_account_of_a_clock_far_ahead_is_new_for_years(
    client: Client, other: Client, services: Services, clock: Clock
) -> None:
    clock.turn(10 * KEEP_SECONDS)
    await client.register(ALICE)
    await client.sign_in(ALICE)
    clock.turn(-10 * KEEP_SECONDS)
    # Nor is the browser known for as long.
    await services.delete_expired()
    client.headers["user-agent"] = FIREFOX
    for visitor in (client, other):
        before = len(await mails(client.app, ALICE))
        await visitor.sign_in(ALICE)
        assert len(await mails(client.app, ALICE)) == before + 1
        assert (await subjects(client))[0] == "A new sign-in to your account"


async def test_a_newer_version_of_a_browser_is_no_new_device(client: Client) -> None:
    await client.register(ALICE)
    await client.sign_in(ALICE)
    before = await mails(client.app)
    client.headers["user-agent"] = FIREFOX.replace("140.0", "141.0")
    await client.sign_in(ALICE)
    assert await mails(client.app) == before


async def test_devices_are_each_users_own_and_go_with_the_account(
    client: Client, services: Services
) -> None:
    for name in (ALICE, BOB):
        await client.register(name)
        await client.sign_in(name)
    assert "A new sign-in to your account" not in await subjects(client, BOB)
    known = select(KnownDevice.user_id).order_by(KnownDevice.user_id)
    assert [row.user_id for row in await services.database.fetch_all(known)] == [1, 2]
    await services.users.delete(ALICE)
    assert [row.user_id for row in await services.database.fetch_all(known)] == [2]


async def test_every_mail_is_text_and_html_of_the_same_words_without_anything_from_elsewhere(
    client: Client, other: Client, services: Services
) -> None:
    await client.register(ALICE)
    await client.sign_in(ALICE)
    for path in ("register", "password/forgot"):
        body = {"email": ALICE, "password": PASSWORD}
        await client.post(f"/api/{path}", json=body)
    await client.post("/api/password/forgot", json={"email": "nobody@example.com"})
    await client.post("/api/email", json={"email": BOB})
    await services.users.set_password(ALICE, NEW_PASSWORD)
    other.headers["user-agent"] = SAFARI
    await other.sign_in(ALICE, NEW_PASSWORD)
    found = await mails(client.app)
    assert len({mail.subject for mail in found}) == 8
    for mail in found:
        assert "\n" not in mail.subject
        # The app may be called anything.
        text = mail.text.replace(PROJECT["name"], "")
        assert not re.search(r"[{}<>]|&\w+;|\n\n\n", text)
        assert 'name="color-scheme" content="light dark"' in mail.html
        for paragraph in mail.text.strip().split("\n\n"):
            assert f">{paragraph}<" in html.unescape(mail.html)
        # No picture, no style and no script from anywhere, and no address but ours.
        assert not re.search(r"<(img|script|link|iframe|form)|url\(|@import", mail.html)
        for address in re.findall(r"https?://\S+?(?=[\"<\s])", mail.html):
            assert address.startswith("http://localhost:8000/")


async def test_a_value_of_a_mail_of_yours_replaces_nothing_that_a_mail_says_of_its_cause(
    services: Services,
) -> None:
    values = {"recipient": "Bob", "template": "none", "now": "soon", "client": "shop"}
    statement = services.outbox.mail(ALICE, "new_device", ClientInfo("", ""), **values)
    await services.database.execute(statement)
    for name in ("browser", "address", "time"):
        with pytest.raises(TypeError, match=name):
            services.outbox.mail(ALICE, "new_device", ClientInfo("", ""), **{name: "noon"})


@pytest.mark.parametrize(
    "agent",
    [
        "evil\r\nBcc: victim@example.com",
        "<img src=https://evil.example/x> Chrome/1.0",
        "see https://evil.example/ Bot/1.0",
        "Chrome on Windows. Hacked! See https://evil.example/ now/1 CFNetwork/1",
        "HbbTV/1.1.1 (; Hacked; 2014)",
        "\n\nhttps://evil.example/reset\n\n",
        "call 555-0100 now bot",
    ],
)
async def test_no_browser_can_put_a_link_or_a_header_into_a_mail(
    services: Services, agent: str
) -> None:
    statement = services.outbox.mail(ALICE, "no_account", ClientInfo("192.0.2.1", agent))
    await services.database.execute(statement)
    [row] = await services.outbox.list_all()
    mail = services.outbox.texts_of(row)
    assert mail is not None
    assert mail.subject == "You have no account with this address"
    assert not re.search(r"evil\.example|Hacked|555-0100", mail.text + mail.html)
    assert "<img" not in mail.html
