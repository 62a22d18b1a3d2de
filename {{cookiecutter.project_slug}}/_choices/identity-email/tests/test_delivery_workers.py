"""Several workers send what is stored: each mail once, whoever goes away meanwhile."""

import asyncio
import os
import statistics
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from app.config import ROOT
from app.email import outbox, smtp
from app.email.outbox import CLAIM_SECONDS, GIVE_UP_SECONDS, Outbox
from app.email.smtp import Unreachable
from app.errors import StoreUnavailable
from app.models import OutgoingMail, User
from tests.client import Client
from tests.conftest import KEY, Clock, Start
from tests.mail_fixtures import LINK, NewWorker, mail_of, soon, store
from tests.people import ALICE, BOB, CAROL
from tests.sessions import HERE
from tests.smtp_server import MailServer, mail_server

pytestmark = pytest.mark.usefixtures("trusted", "no_pauses")


# Each goes through a TLS connection of its own, which takes longer than all else.
MANY = 100

YEAR = 365 * 86_400


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
    worker: Outbox,
    host: MailServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await store(worker, BOB, CAROL)
    execute, calls = type(worker.database).execute, 0

    async def fail_three_times(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls <= 3:
            raise StoreUnavailable from OSError("no route to host")
        return await execute(*arguments)

    monkeypatch.setattr(type(worker.database), "execute", fail_three_times)
    assert await worker.send_waiting() == 2
    clock.turn(CLAIM_SECONDS)
    assert await worker.send_waiting() == 0
    assert host.recipients == [BOB, CAROL]
    assert "What became of a mail cannot be noted yet: no route to host" in caplog.text


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


async def test_a_mail_of_a_clock_far_ahead_does_not_wait_for_years(
    worker: Outbox, host: MailServer, clock: Clock
) -> None:
    clock.turn(YEAR)
    await store(worker, BOB)
    clock.turn(-YEAR)
    assert await worker.send_waiting() == 1
    [mail] = host.mails()
    assert parsedate_to_datetime(mail["Date"]).timestamp() == clock.now


async def test_a_mail_of_a_clock_far_ahead_is_given_up_like_any_other(
    new_worker: NewWorker, worker: Outbox, clock: Clock, host: MailServer
) -> None:
    host.answers["RCPT", BOB] = "450 Come back later"
    clock.turn(YEAR)
    await store(worker, BOB)
    clock.turn(-YEAR)
    await worker.send_waiting()
    assert (await mail_of(worker)).next_attempt_at
    clock.turn(GIVE_UP_SECONDS)
    await worker.send_waiting()
    assert (await mail_of(worker)).next_attempt_at is None


async def test_two_workers_send_each_of_many_mails_once(
    new_worker: NewWorker, host: MailServer, clock: Clock
) -> None:
    workers = [new_worker(host.url) for _ in range(2)]
    people = [f"number-{number}@example.com" for number in range(MANY)]
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
    unreachable = StoreUnavailable()
    unreachable.__cause__ = OSError("no route to host")
    faults = [ZeroDivisionError(), unreachable, Unreachable("no")]
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
    assert "Mail has to wait, a store is out of reach: no route to host" in caplog.text
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
