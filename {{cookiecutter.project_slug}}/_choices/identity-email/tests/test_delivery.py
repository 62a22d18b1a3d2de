"""Mail is delivered by a real mail server, whatever that does (RFC 5321)."""

import re
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import update

from app.email import smtp
from app.email.outbox import FIRST_PAUSE_SECONDS, GIVE_UP_SECONDS, Outbox
from app.email.smtp import Unreachable
from app.models import OutgoingMail
from tests import smtp_server
from tests.conftest import Clock
from tests.mail_fixtures import LINK, NewWorker, mail_of, soon, store
from tests.people import BOB, CAROL
from tests.sessions import HERE
from tests.smtp_server import MailServer, babbling_server, certificate, mail_server, silent_server

pytestmark = pytest.mark.usefixtures("trusted", "no_pauses")


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


async def test_whoever_reads_the_table_reads_no_mail(worker: Outbox) -> None:
    await store(worker, BOB)
    row = await mail_of(worker)
    texts = worker.texts_of(row)
    assert texts is not None
    assert LINK in texts.text
    for value in row:
        assert "token=" not in str(value)
    assert worker.cipher.decrypt(row.encrypted, CAROL) is None


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
    assert "from <b>192.0.2.1</b> on" in text
    assert "from &lt;b&gt;192.0.2.1&lt;/b&gt; on" in html


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


async def test_a_mail_from_a_restored_backup_is_not_sent_days_later(
    new_worker: NewWorker, host: MailServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    worker = new_worker(host.url)
    await store(worker, BOB)
    clock.turn(GIVE_UP_SECONDS + 1)
    assert await soon(worker.send_waiting()) == 0
    assert host.connections == 0
    assert (await mail_of(worker)).next_attempt_at is None
    assert "was given up: It is older than a day." in caplog.text


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
