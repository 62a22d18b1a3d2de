"""Mail as operators see it: limits, commands and settings."""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from anyio import to_thread

from app.config import Settings, SettingsError
from app.email.outbox import Outbox
from app.mail_settings import sender_address
from app.services import Services
from tests.cli import Run
from tests.client import Client
from tests.conftest import KEY, PRODUCTION, Clock
from tests.mail_fixtures import NewWorker, mail_of, store
from tests.people import ALICE, BOB, CAROL
from tests.smtp_server import MailServer, silent_server

pytestmark = pytest.mark.usefixtures("trusted", "no_pauses")


async def test_nobody_gets_more_than_five_mails_an_hour_that_others_cause(
    client: Client, other: Client, clock: Clock, services: Services
) -> None:
    spellings = (BOB, f" {BOB.upper()}")
    for number in range(5):
        sender = (client, other)[number % 2]
        body = {"email": spellings[number % 2]}
        assert (await sender.post("/api/password/forgot", json=body)).status_code == 202
    for path in ("/api/password/forgot", "/api/email/verify/resend"):
        assert (await other.post(path, json={"email": BOB})).status_code == 429
    assert len(await services.outbox.list_all()) == 5
    clock.turn(3_600)
    assert (await client.post("/api/password/forgot", json={"email": BOB})).status_code == 202


async def test_nobody_causes_more_than_twenty_mails_a_minute(
    client: Client, other: Client, services: Services
) -> None:
    for number in range(20):
        body = {"email": f"number-{number}@example.com"}
        assert (await client.post("/api/password/forgot", json=body)).status_code == 202
    for path in ("/api/password/forgot", "/api/email/verify/resend"):
        assert (await client.post(path, json={"email": BOB})).status_code == 429
    assert len(await services.outbox.list_all()) == 20
    assert (await other.post("/api/password/forgot", json={"email": BOB})).status_code == 202


async def test_without_a_mail_server_mail_is_only_kept(
    new_worker: NewWorker, host: MailServer
) -> None:
    worker = new_worker("")
    await store(worker, BOB)
    async with worker.sending():
        pass
    assert await mail_of(worker)
    # Nor is it sent by one that is set up later.
    assert await new_worker(host.url).send_waiting() == 0


async def test_old_mail_is_deleted_some_day(worker: Outbox, clock: Clock) -> None:
    await store(worker, BOB)
    clock.turn(30 * 86_400 - 1)
    assert await worker.delete_expired() == 0
    clock.turn(1)
    assert await worker.delete_expired() == 1


@pytest.fixture
def cli(run: Run) -> Callable[..., Awaitable[Any]]:
    """Run a command beside the mail server."""

    async def command(*arguments: str, on_terminal: bool = False) -> tuple[int, str, str]:
        return await to_thread.run_sync(lambda: run(*arguments, on_terminal=on_terminal))

    return command


async def test_an_operator_sends_what_waits(
    cli: Any, worker: Outbox, host: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = time.time()
    await store(worker, BOB, CAROL)
    monkeypatch.setenv("MAIL_URL", host.url)
    assert await cli("send-mail") == (0, "Mails sent: 2\n", "")
    assert host.recipients == [BOB, CAROL]
    assert await cli("send-mail") == (0, "Mails sent: 0\n", "")


async def test_an_operator_learns_that_no_mail_can_be_sent(
    cli: Any, worker: Outbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, error = await cli("send-mail")
    assert (status, error) == (3, "MAIL_URL is not set, so no mail is sent.\n")
    clock.now = time.time()
    await store(worker, BOB)
    with silent_server() as url:
        pass
    monkeypatch.setenv("MAIL_URL", url)
    status, _, error = await cli("send-mail")
    assert status == 4
    assert "The mail server cannot be used: SMTPConnectError: Error connecting" in error


async def test_an_operator_learns_that_the_database_is_out_of_reach(
    cli: Any, unreachable_database_url: str, host: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_URL", host.url)
    monkeypatch.setenv("DATABASE_URL", unreachable_database_url)
    for command in ("send-mail", "list-mail"):
        assert (await cli(command))[0] == 4


async def test_an_operator_sees_what_could_not_be_delivered(
    cli: Any, worker: Outbox, host: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await cli("list-mail") == (0, "", "")
    await store(worker, ALICE, BOB, CAROL)
    host.answers |= {("RCPT", ALICE): "550 No", ("RCPT", BOB): "450 Later"}
    await worker.send_waiting()
    # It waits for the first time.
    await store(worker, CAROL)
    status, out, _ = await cli("list-mail")
    assert status == 0
    subject, created = "Choose a new password", "2027-01-15T08:00:00+00:00"
    assert [line.split("\t") for line in out.splitlines()] == [
        ["2", BOB, subject, created, "2027-01-15T08:01:00+00:00", "450 Later"],
        ["1", ALICE, subject, created, "given up", "550 No"],
    ]
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    status, out, _ = await cli("list-mail", on_terminal=True)
    assert status == 0
    heading, *rows = (line.rstrip() for line in out.splitlines())
    assert re.split(r" {2,}", heading) == [
        "ID",
        "TO",
        "SUBJECT",
        "CREATED",
        "NEXT ATTEMPT",
        "REASON",
    ]
    assert [re.split(r" {2,}", row)[-1] for row in rows] == ["450 Later", "550 No"]


MISTAKES = [
    (
        {**PRODUCTION, "public_url": "http://localhost:8000"},
        "PUBLIC_URL: must be set in production",
    ),
    ({**PRODUCTION, "mail_url": ""}, "MAIL_URL: must be set in production"),
    ({**PRODUCTION, "mail_from": "app@localhost"}, "MAIL_FROM: must be set in production"),
    *(
        ({"mail_url": url}, "MAIL_URL: must be a URL like smtps://")
        for url in (
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://:25",
            "smtp://mail..example.com",
            "smtp://mail.example.com:0",
            "smtp://mail.example.com:65536",
            "smtp://mail.example.com:x",
            "smtp://mail.example.com/path",
            "smtp://mail.example.com?tls=no",
            "smtp://mail.example.com#x",
            "smtp://mail example.com",
            "smtp://mail.example.com\n",
            "smtp://user:p@ss@mail.example.com",
            "smtp://user:p/ss@mail.example.com",
            "smtp://[::g]",
            "smtp://[1::2::3]",
        )
    ),
    *(
        ({"mail_from": sender}, "MAIL_FROM: must be like app@example.com")
        for sender in (
            "",
            "app",
            "@example.com",
            "app@",
            "a..b@example.com",
            "app@[127.0.0.1",
            '".@[',
            "äpp@example.com",
            "app@exämple.com",
            "app@example.com, other@example.com",
            "App\nBcc: x <app@example.com>",
        )
    ),
]


@pytest.mark.parametrize(("values", "sentence"), MISTAKES)
def test_a_mistake_stops_the_start_with_one_sentence(
    settings: dict[str, Any], values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(**{**settings, **values})
    [line] = str(caught.value).splitlines()
    assert line.startswith(sentence)


def test_production_asks_for_all_of_them_at_once(settings: dict[str, Any]) -> None:
    left_out = ("public_url", "mail_url", "mail_from")
    values = {name: value for name, value in PRODUCTION.items() if name not in left_out}
    with pytest.raises(SettingsError) as caught:
        Settings.load(**{**settings, **values})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        name.upper() for name in left_out
    ]


def test_no_form_of_the_settings_shows_the_password_of_the_mail_server() -> None:
    url = "smtps://app:mail-password@mail.example.com"
    settings = Settings.load(secret_keys=KEY, mail_url=url)
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "mail_url" in shown
        assert "mail-password" not in shown


@pytest.mark.parametrize("url", ["smtp://[::1]:25", "smtps://mail.example.com/", "smtp://a:b@c"])
def test_a_mail_server_may_be_anywhere(url: str) -> None:
    assert Settings.load(secret_keys=KEY, mail_url=url).mail_url.get_secret_value() == url


def test_a_sender_may_have_a_name() -> None:
    assert str(sender_address("My App <app@example.com>")) == "My App <app@example.com>"
