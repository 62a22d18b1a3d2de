"""In development, the mail that the app would send is shown at /dev/mail."""

import re
from typing import Any

from app.config import Settings
from app.main import create_app
from tests.client import Client
from tests.conftest import PRODUCTION
from tests.mail import mails
from tests.people import ALICE, BOB


async def test_each_mail_is_shown_the_newest_first(client: Client) -> None:
    assert "Nothing has been sent yet." in (await client.get("/dev/mail")).text
    await client.register(ALICE)
    await client.post("/api/password/forgot", json={"email": ALICE})
    [newest, oldest] = await mails(client.app)
    page = (await client.get("/dev/mail")).text
    assert page.index(newest.subject) < page.index(oldest.subject)
    for mail in (newest, oldest):
        address = f"http://localhost:8000/{mail.purpose}?token={mail.token}"
        assert f'<a href="{address}">{address}</a>' in page
    [shown, _] = re.findall(r'href="(/dev/mail/\d+)"', page)
    assert (await client.get(shown)).text == newest.html


async def test_programs_get_json(client: Client) -> None:
    accept = {"accept": "application/json"}
    assert (await client.get("/dev/mail", headers=accept)).json() == []
    await client.post("/api/password/forgot", json={"email": BOB})
    [mail] = await mails(client.app)
    assert (await client.get("/dev/mail", headers=accept)).json() == [
        {
            "to": BOB,
            "subject": mail.subject,
            "text": mail.text,
            "sent_at": "2027-01-15T08:00:00+00:00",
        }
    ]


async def test_a_mail_is_shown_with_its_style_and_nothing_else(client: Client) -> None:
    await client.register(ALICE)
    for path in ("/dev/mail", "/dev/mail/1"):
        response = await client.get(path)
        policy = response.headers["content-security-policy"]
        assert re.fullmatch(
            r"default-src 'none'; style-src 'sha256-\S+'; frame-ancestors 'none'; "
            r"base-uri 'none'; form-action 'none'",
            policy,
        )


async def test_each_mail_is_shown_by_its_number(client: Client) -> None:
    for email in (ALICE, BOB):
        await client.post("/api/password/forgot", json={"email": email})
    for number in (1, 2):
        assert (await client.get(f"/dev/mail/{number}")).status_code == 200


async def test_a_mail_that_is_not_there_is_404(client: Client) -> None:
    assert (await client.get("/dev/mail/1")).status_code == 404
    assert (await client.get("/dev/mail/x")).status_code == 422


async def test_where_mail_is_sent_for_real_none_is_shown(settings: dict[str, Any]) -> None:
    mail = {"mail_url": "smtps://localhost", "mail_from": "app@example.com"}
    client = Client(create_app(Settings.load(**settings, **mail)))
    assert (await client.get("/dev/mail")).status_code == 404


async def test_in_production_no_mail_is_shown(settings: dict[str, Any]) -> None:
    client = Client(create_app(Settings.load(**settings, **PRODUCTION)))
    assert (await client.get("/dev/mail")).status_code == 404
    assert (await client.get("/dev/mail/1")).status_code == 404
