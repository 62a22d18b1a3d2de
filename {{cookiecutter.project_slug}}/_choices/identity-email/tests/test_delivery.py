"""Mail is delivered by a real mail server, whatever that does (RFC 5321)."""

import asyncio
import os
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from anyio import to_thread
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from app.config import ROOT, Settings, SettingsError
from app.database import AnyRow
from app.email import outbox, smtp
from app.email.outbox import CLAIM_SECONDS, FIRST_PAUSE_SECONDS, GIVE_UP_SECONDS, Outbox
from app.email.settings import sender_address
from app.email.smtp import Unreachable
from app.errors import StoreUnavailable
from app.models import OutgoingMail, User
from app.services import Services
from tests import smtp_server
from tests.cli import Run
from tests.client import Client
from tests.conftest import KEY, PRODUCTION, Clock, Start
from tests.people import ALICE, BOB, CAROL
from tests.sessions import HERE
from tests.smtp_server import MailServer, babbling_server, certificate, mail_server, silent_server

LINK = "http://localhost:8000/reset?token=mine"


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.fixture(autouse=True)
def trusted(own_certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the mail server of the tests, as a machine trusts the authorities that it has."""
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.01)


@pytest.fixture
async def host(own_certificate: Path) -> AsyncIterator[MailServer]:
    async with mail_server(own_certificate) as host:
        yield host


NewWorker = Callable[..., Outbox]


@pytest.fixture
async def new_worker(settings: dict[str, Any], clock: Clock) -> AsyncIterator[NewWorker]:
    """Return the outbox of a process of its own, which sends when it is told to."""
    async with AsyncExitStack() as stack:

        def new(url: str, **changes: Any) -> Outbox:
            services = Services(Settings.load(**settings, mail_url=url, **changes), clock)
            stack.push_async_callback(services.close)
            return services.outbox

        yield new


@pytest.fixture
def worker(new_worker: NewWorker, host: MailServer) -> Outbox:
    return new_worker(host.url)


async def store(outbox: Outbox, *recipients: str) -> None:
    for recipient in recipients:
        await outbox.database.execute(outbox.mail(recipient, "reset", HERE, link=LINK))


async def mail_of(outbox: Outbox) -> AnyRow:
    """Return the only mail that is stored."""
    [mail] = await outbox.list_all()
    return mail


def soon(happening: Awaitable[Any]) -> Awaitable[Any]:
    """Wait for what happens by itself; when it does not, the test fails instead of hanging."""
    return asyncio.wait_for(happening, 30)


async def test_a_mail_arrives_once_as_text_and_as_html(
    worker: Outbox, host: MailServer, clock: Clock
) -> None:
    await store(worker, "bob@bücher.example")
    assert await worker.send_waiting() == 1
    assert await worker.send_waiting() == 0
    assert await worker.list_all() == []
    [mail] = host.mails()
    assert mail["To"] == "bob@xn--bcher-kva.example"
    assert mail["From"] == "app@localhost"
    assert mail["Subject"] == "Choose a new password"
    assert parsedate_to_datetime(mail["Date"]).timestamp() == clock.now
    assert re.fullmatch(r"<[0-9a-f]{32}@localhost>", mail["Message-ID"])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    text, html = (part.get_content() for part in mail.iter_parts())
    assert LINK in text.splitlines()
    assert f'<a href="{LINK}">{LINK}</a>' in html


async def test_a_mail_loads_nothing_from_elsewhere(worker: Outbox, host: MailServer) -> None:
    await store(worker, BOB)
    await worker.send_waiting()
    html = host.mails()[0].get_body(("html",))
    assert html is not None
    addresses = re.findall(r"[a-z]+://[^\"<\s]+", html.get_content())
    assert set(addresses) == {LINK}
    assert not re.search(r"<(img|link|script|iframe)|src=|url\(", html.get_content())


async def test_the_sender_is_the_one_of_the_settings(
    new_worker: NewWorker, host: MailServer
) -> None:
    worker = new_worker(host.url, mail_from='"Café, the App" <app@example.com>')
    await store(worker, BOB)
    await worker.send_waiting()
    sender = host.mails()[0]["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == ("Café, the App", "app@example.com")
    assert host.mails()[0]["Message-ID"].endswith("@example.com>")


@pytest.mark.parametrize(
    "values",
    [
        {"subject": "Hello\r\nBcc: mallory@example.com"},
        {"subject": "Hello\nBcc: mallory@example.com"},
        {"recipient": "bob@example.com\r\nBcc: mallory@example.com"},
        {"recipient": "bob@example.com\r\nRCPT TO:<mallory@example.com>"},
    ],
)
async def test_neither_address_nor_subject_can_begin_another_header(
    worker: Outbox, host: MailServer, values: dict[str, str]
) -> None:
    # They would have to get past every other check.
    await store(worker, BOB)
    encrypted = worker.cipher.encrypt(b'["", ""]', values.get("recipient", BOB))
    await worker.database.execute(update(OutgoingMail).values(encrypted=encrypted, **values))
    assert await worker.send_waiting() == 0
    assert host.connections == 0
    assert (await mail_of(worker)).next_attempt_at is None


async def test_what_a_client_says_of_itself_is_text_in_a_mail(
    worker: Outbox, host: MailServer
) -> None:
    client = type(HERE)("<b>192.0.2.1</b>", "Client/1.0")
    await worker.database.execute(worker.mail(BOB, "reset", client, link=LINK))
    await worker.send_waiting()
    text, html = (part.get_content() for part in host.mails()[0].iter_parts())
    assert "at <b>192.0.2.1</b> on" in text
    assert "at &lt;b&gt;192.0.2.1&lt;/b&gt; on" in html


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_server_may_want_a_password(
    new_worker: NewWorker, own_certificate: Path, scheme: str
) -> None:
    # It does not notice that there is TLS from the beginning.
    options = {"auth_require_tls": scheme == "smtp", "authenticator": smtp_server.authenticate}
    async with mail_server(own_certificate, scheme, **options) as host:
        place = host.url.partition("://")[2]
        wrong = new_worker(f"{scheme}://{smtp_server.USER}:wrong@{place}")
        await store(wrong, BOB)
        with pytest.raises(Unreachable, match=r"SMTPAuthenticationError.*535"):
            await wrong.send_waiting()
        # It is the settings that are wrong, not the mail.
        assert (await mail_of(wrong)).next_attempt_at == wrong.clock() + FIRST_PAUSE_SECONDS

        login = f"{smtp_server.USER}:{quote(smtp_server.PASSWORD)}"
        right = new_worker(f"{scheme}://{login}@{place}")
        await store(right, CAROL)
        assert await right.send_waiting() == 1
        assert host.recipients == [CAROL]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("fault", ["of somebody else", "for another address"])
async def test_nothing_is_sent_to_a_server_with_a_wrong_certificate(
    new_worker: NewWorker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    fault: str,
) -> None:
    shown = certificate(tmp_path, "127.0.0.1")
    if fault == "for another address":
        shown = certificate(tmp_path, "192.0.2.1")
        monkeypatch.setenv("SSL_CERT_FILE", str(shown))
    async with mail_server(shown, scheme) as host:
        worker = new_worker(host.url)
        await store(worker, BOB)
        with pytest.raises(Unreachable, match="certificate verify failed"):
            await worker.send_waiting()
        assert not host.is_asked.is_set()


async def test_nothing_is_sent_in_the_clear(new_worker: NewWorker) -> None:
    async with mail_server(None) as host:
        worker = new_worker(host.url)
        await store(worker, BOB)
        with pytest.raises(Unreachable, match="STARTTLS"):
            await worker.send_waiting()
        assert not host.is_asked.is_set()


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_mail_that_is_refused_for_a_while_is_sent_again(
    worker: Outbox, host: MailServer, clock: Clock, step: str
) -> None:
    await store(worker, BOB, CAROL)
    host.answers[step, BOB] = "450 Come back later"
    assert await worker.send_waiting() == 1
    assert host.recipients == [CAROL]
    for pause in (60, 120, 240, 480, 960, 1_920, 3_600, 3_600):
        mail = await mail_of(worker)
        assert (mail.last_error, mail.next_attempt_at) == (
            "450 Come back later",
            clock.now + pause,
        )
        clock.turn(pause - 1)
        connections = host.connections
        assert await worker.send_waiting() == 0
        assert host.connections == connections
        clock.turn(1)
        assert await worker.send_waiting() == 0
        assert host.connections == connections + 1
    host.answers.clear()
    clock.turn(3_600)
    assert await worker.send_waiting() == 1
    assert host.recipients == [CAROL, BOB]


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_mail_that_is_refused_for_good_is_given_up(
    worker: Outbox,
    host: MailServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    await store(worker, BOB, CAROL)
    host.answers[step, BOB] = "550 Nobody of that name"
    assert await worker.send_waiting() == 1
    assert host.recipients == [CAROL]
    assert "Mail 1 cannot be delivered and was given up: 550 Nobody of that name" in caplog.text
    clock.turn(GIVE_UP_SECONDS)
    connections = host.connections
    assert await worker.send_waiting() == 0
    assert host.connections == connections


async def test_a_sender_that_is_refused_is_no_fault_of_the_mail(
    worker: Outbox, host: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> str:
        return "550 Who are you?"

    monkeypatch.setattr(MailServer, "handle_MAIL", refuse, raising=False)
    await store(worker, BOB)
    with pytest.raises(Unreachable, match="550"):
        await worker.send_waiting()
    assert (await mail_of(worker)).next_attempt_at is not None


async def test_the_last_attempt_is_after_a_day(
    new_worker: NewWorker,
    host: MailServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # As odd as times are.
    clock.turn(0.123_456)
    worker = new_worker(host.url)
    host.answers["RCPT", BOB] = "451 Not now"
    await store(worker, BOB)
    began, attempts = clock.now, 0
    while (next_attempt_at := (await mail_of(worker)).next_attempt_at) is not None:
        assert "given up" not in caplog.text
        clock.now = next_attempt_at
        await soon(worker.send_waiting())
        attempts += 1
        assert host.connections == attempts
    assert clock.now == began + GIVE_UP_SECONDS
    assert attempts == 30
    assert "Mail 1 cannot be delivered and was given up: 451 Not now" in caplog.text


async def test_a_server_that_is_down_loses_nothing(
    new_worker: NewWorker, host: MailServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with silent_server() as url:
        pass
    worker = new_worker(url)
    await store(worker, BOB, CAROL)
    for _ in range(2):
        with pytest.raises(Unreachable):
            await worker.send_waiting()
    assert await worker.send_waiting() == 0
    assert "Mail 1 has to wait: SMTPConnectError: Error connecting" in caplog.text
    clock.turn(FIRST_PAUSE_SECONDS)
    assert await new_worker(host.url).send_waiting() == 2
    assert host.recipients == [BOB, CAROL]


@pytest.mark.parametrize("bound", ["STEP_SECONDS", "SEND_SECONDS"])
async def test_a_server_that_says_nothing_is_given_up(
    new_worker: NewWorker, clock: Clock, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(smtp, bound, 0.05)
    with silent_server() as url:
        worker = new_worker(url)
        await store(worker, BOB)
        with pytest.raises(Unreachable, match="Timeout"):
            await soon(worker.send_waiting())
    assert (await mail_of(worker)).next_attempt_at == clock.now + FIRST_PAUSE_SECONDS


@pytest.mark.parametrize(
    "words",
    [
        b"hello?\r\n",
        b"220 \xff\x00\x1b[2J\r\n",
        b"999 what\r\n",
        b"220-a\r\n" * 10_000,
        b"HTTP/1.1 400 Bad Request\r\n",
        b"554 go\r\nMail 7 was delivered\r\n",
    ],
)
async def test_nonsense_loses_nothing_and_is_harmless_in_the_log(
    new_worker: NewWorker, clock: Clock, caplog: pytest.LogCaptureFixture, words: bytes
) -> None:
    async with babbling_server(words) as url:
        worker = new_worker(url)
        await store(worker, BOB)
        with pytest.raises(Unreachable):
            await worker.send_waiting()
    mail = await mail_of(worker)
    assert mail.next_attempt_at == clock.now + FIRST_PAUSE_SECONDS
    assert mail.last_error.isprintable()
    assert all(record.getMessage().isprintable() for record in caplog.records)


async def test_a_refusal_that_quotes_the_mail_tells_the_log_no_token(
    worker: Outbox, host: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    await store(worker, BOB)
    host.answers["DATA", BOB] = f"554 Spam: {LINK} \x1b[2J"
    await worker.send_waiting()
    assert (await mail_of(worker)).last_error == (
        "554 Spam: http://localhost:8000/reset?token=...  [2J"
    )
    assert "token=mine" not in caplog.text


async def test_a_connection_that_ends_in_the_middle_of_a_mail_loses_nothing(
    worker: Outbox, host: MailServer, clock: Clock
) -> None:
    await store(worker, BOB, CAROL)
    host.closes_in_data = True
    with pytest.raises(Unreachable):
        await worker.send_waiting()
    host.closes_in_data = False
    # The one that it could not bear does not hold up the other.
    assert await worker.send_waiting() == 1
    assert host.recipients == [CAROL]
    clock.turn(FIRST_PAUSE_SECONDS)
    assert await worker.send_waiting() == 1
    assert host.recipients == [CAROL, BOB]


async def test_while_one_worker_waits_for_a_slow_server_another_sends_the_rest(
    new_worker: NewWorker, worker: Outbox, host: MailServer, own_certificate: Path
) -> None:
    await store(worker, BOB, CAROL)
    host.is_quick.clear()
    async with asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(worker.send_waiting())
        await soon(host.is_asked.wait())
        async with mail_server(own_certificate) as quick:
            assert await new_worker(quick.url).send_waiting() == 1
            assert quick.recipients == [CAROL]
        host.is_quick.set()
    assert slow.result() == 1
    assert host.recipients == [BOB]


async def test_what_was_rolled_back_is_not_sent(
    worker: Outbox, host: MailServer, user: User
) -> None:
    assert user.role == "user"
    mail = worker.mail(BOB, "reset", HERE, link=LINK)
    change = update(User).values(role="admin").returning(User.id)
    with pytest.raises(IntegrityError):
        await worker.database.change(change, mail, update(User).values(role=None))
    assert await worker.send_waiting() == 0
    assert host.connections == 0


async def test_a_database_that_goes_away_meanwhile_lets_no_mail_go_twice(
    worker: Outbox, host: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(worker, BOB, CAROL)
    execute, calls = type(worker.database).execute, 0

    async def fail_three_times(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls <= 3:
            raise StoreUnavailable("TimeoutError")
        return await execute(*arguments)

    monkeypatch.setattr(type(worker.database), "execute", fail_three_times)
    assert await worker.send_waiting() == 2
    clock.turn(CLAIM_SECONDS)
    assert await worker.send_waiting() == 0
    assert host.recipients == [BOB, CAROL]


async def test_a_mail_that_goes_twice_is_known_by_its_message_id(
    worker: Outbox, host: MailServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(worker, BOB)

    async def fail(*_: Any) -> int:
        raise StoreUnavailable("TimeoutError")

    with monkeypatch.context() as patch:
        patch.setattr(type(worker.database), "execute", fail)
        with pytest.raises(StoreUnavailable):
            await worker.send_waiting()
    assert await worker.send_waiting() == 0
    clock.turn(CLAIM_SECONDS)
    assert await worker.send_waiting() == 1
    first, second = host.mails()
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


async def test_a_mail_whose_key_is_gone_is_given_up(
    new_worker: NewWorker, settings: dict[str, Any], host: MailServer
) -> None:
    await store(new_worker(host.url), BOB)
    settings["secret_keys"] = KEY[::-1]
    worker = new_worker(host.url)
    await store(worker, CAROL)
    assert await worker.send_waiting() == 1
    assert host.recipients == [CAROL]
    mail = await mail_of(worker)
    assert mail.last_error == "It was encrypted with a key that is not in SECRET_KEYS."
    assert mail.next_attempt_at is None


async def test_two_workers_send_each_of_a_thousand_mails_once(
    new_worker: NewWorker, host: MailServer, clock: Clock
) -> None:
    workers = [new_worker(host.url) for _ in range(2)]
    people = [f"number-{number}@example.com" for number in range(1_000)]
    mail = {"subject": "Hello", "created_at": clock.now, "next_attempt_at": clock.now}
    encrypt = workers[0].cipher.encrypt
    await workers[0].database.execute(
        insert(OutgoingMail).values(
            [
                {**mail, "recipient": name, "encrypted": encrypt(b'["Hello", "Hello"]', name)}
                for name in people
            ]
        )
    )
    shares = await asyncio.gather(*(worker.send_waiting() for worker in workers))
    assert sorted(host.recipients) == sorted(people)
    assert sum(shares) == len(people)
    assert min(shares) > 0
    assert await workers[0].list_all() == []


async def test_what_a_killed_worker_has_not_delivered_the_next_one_does(
    worker: Outbox, host: MailServer, clock: Clock, settings: dict[str, Any]
) -> None:
    clock.now = time.time()
    await store(worker, BOB)
    host.is_quick.clear()
    names = {name.upper(): value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "send-mail"),
        cwd=ROOT,
        env={**os.environ, **names, "MAIL_URL": host.url},
    )
    await soon(host.is_asked.wait())
    process.kill()
    await process.wait()
    host.is_quick.set()
    assert await worker.send_waiting() == 0
    clock.now = time.time() + CLAIM_SECONDS
    assert await worker.send_waiting() == 1
    assert host.recipients == [BOB]


async def test_a_running_app_sends_what_its_users_cause(start: Start, host: MailServer) -> None:
    client = Client(await start(mail_url=host.url))
    assert (await client.post("/api/password/forgot", json={"email": ALICE})).status_code == 202
    await soon(host.has_mail.wait())
    assert host.recipients == [ALICE]


async def test_a_running_app_goes_on_after_whatever_went_wrong(
    start: Start,
    host: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = [ZeroDivisionError(), StoreUnavailable("TimeoutError"), Unreachable("no")]
    send = smtp.send

    async def fail_first(*arguments: Any) -> None:
        if faults:
            raise faults.pop()
        await send(*arguments)

    monkeypatch.setattr(outbox, "send", fail_first)
    app = await start(mail_url=host.url)
    await store(app.state.services.outbox, ALICE, BOB, CAROL, "dora@example.com")
    await soon(host.has_mail.wait())
    assert host.recipients == ["dora@example.com"]
    assert "Mail has to wait, a store is out of reach: TimeoutError" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_server_that_is_stopped_lets_the_mail_arrive_that_is_on_its_way(
    new_worker: NewWorker, host: MailServer
) -> None:
    worker = new_worker(host.url)
    await store(worker, BOB, CAROL)
    host.is_quick.clear()
    async with asyncio.TaskGroup() as tasks, worker.sending():
        await soon(host.is_asked.wait())
        tasks.create_task(be_quick_again(host))
    assert host.recipients == [BOB]
    [waiting] = await worker.list_all()
    assert waiting.recipient == CAROL


async def be_quick_again(host: MailServer) -> None:
    host.is_quick.set()


async def test_a_server_that_is_stopped_does_not_wait_for_one_that_hangs(
    new_worker: NewWorker, host: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STOP_SECONDS", 0.01)
    worker = new_worker(host.url)
    await store(worker, BOB)
    host.is_quick.clear()
    async with asyncio.timeout(30), worker.sending():
        await host.is_asked.wait()
    # Not sent, and not lost.
    assert await mail_of(worker)


async def test_a_mail_server_that_hangs_delays_no_request(
    start: Start, host: MailServer, clock: Clock
) -> None:
    host.is_quick.clear()
    without, beside = Client(await start()), Client(await start(mail_url=host.url))
    await store(beside.app.state.services.outbox, BOB)
    await soon(host.is_asked.wait())
    times: dict[Client, list[float]] = {without: [], beside: []}
    for number in range(30):
        clock.turn(60)
        for client, seconds in times.items():
            body = {"email": f"number-{number}@example.com"}
            began = time.perf_counter()
            response = await client.post("/api/password/forgot", json=body)
            seconds.append(time.perf_counter() - began)
            assert response.status_code == 202
    assert host.recipients == []
    host.is_quick.set()
    assert statistics.median(times[beside]) < 2 * statistics.median(times[without])


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
    assert (status, error) == (3, "MAIL_URL is not set, so mail goes nowhere.\n")
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
