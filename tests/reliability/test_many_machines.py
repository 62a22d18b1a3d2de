"""Several hosts, whose clocks differ, on one Redis Cluster and one PostgreSQL."""

import asyncio
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from tests import deploying
from tests.ledger import Ledger
from tests.project import Project
from tests.reliability.aside import run_aside
from tests.reliability.cluster import Cluster, running_cluster
from tests.reliability.hosts import (
    PASSWORD,
    Host,
    baked,
    port_to_keep,
    probe,
    running,
    visitor,
)
from tests.reliability.people import (
    MIXED,
    READING,
    Person,
    Tally,
    Unanswered,
    connections,
    in_use,
    until,
)
from tests.test_server import COOKIE
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

CHAPTER = "Many machines"
BACKEND = "redis, postgresql"
# Seconds by which the clock of each host is wrong: they are five apart.
OFFSETS = (-2.5, 0.0, 2.5)
SKEW = 2.5
PEOPLE = 20
# The app works again within two seconds once its store does; the machine may be busy.
RECOVERY_SECONDS = 2
SLACK_SECONDS = 3
NEW_PASSWORD = "another correct horse battery"
PAUSE = 0.2


Deed = Callable[[], None]


@dataclass(frozen=True)
class Machines:
    """What all hosts share, and hosts whose clocks differ."""

    project: Project
    cluster: Cluster
    stores: Mapping[str, str]
    """The settings that lead to PostgreSQL, and to a Redis that is no cluster."""
    hosts: Sequence[Host]


@pytest.fixture(scope="module")
def machines(
    cookiecutter_config: Path, environment_of: Callable[[Project], Path]
) -> Iterator[Machines]:
    answers = {"session_backend": "redis", "database": "postgresql"}
    with (
        TemporaryDirectory() as folder,
        running_cluster(Path(folder)) as cluster,
        baked(cookiecutter_config, environment_of, **answers) as project,
        project.stores() as stores,
    ):
        shared = {**stores, "LOGIN_MAX_FAILURES": "5"}
        hosts = [Host(project, {**shared, "CLOCK_OFFSET": str(offset)}) for offset in OFFSETS]
        probe(hosts[1], "open_accounts.py", str(PEOPLE), "person", PASSWORD)
        with running(*hosts):
            yield Machines(project, cluster, shared, hosts)


@dataclass
class Device:
    """A browser of one person."""

    name: str
    token: str = ""

    def send(self, host: Host, method: str, path: str, body: object = None) -> httpx2.Response:
        """Send a request; keep the token that comes with the answer."""
        headers = {**visitor(0), "cookie": f"{COOKIE}={self.token}" if self.token else ""}
        url = host.url + path
        response = httpx2.request(method, url, headers=headers, json=body, timeout=PATIENCE_SECONDS)
        self.token = response.cookies.get(COOKIE) or self.token
        return response

    def sign_in(self, host: Host, password: str = PASSWORD, *, remember: bool = False) -> int:
        """Sign in; the status."""
        account = {"username": self.name, "password": password, "remember": remember}
        return self.send(host, "POST", "/api/login", account).status_code

    def statuses(self, hosts: Sequence[Host]) -> list[int]:
        """Ask each host who this is."""
        return [self.send(host, "GET", "/api/me").status_code for host in hosts]


def test_a_session_is_known_on_every_host_and_ends_on_every_host(
    machines: Machines, ledger: Ledger, soak: bool
) -> None:
    rounds = 30 if soak else 1
    passwords = [PASSWORD, NEW_PASSWORD]
    asked, wrong = 0, 0

    def ask(device: Device, expected: int) -> None:
        nonlocal asked, wrong
        answers = device.statuses(machines.hosts)
        asked += len(answers)
        wrong += sum(answer != expected for answer in answers)

    for number in range(rounds * len(OFFSETS)):
        here = machines.hosts[number % len(OFFSETS)]
        elsewhere = machines.hosts[(number + 1) % len(OFFSETS)]
        phone, laptop, kiosk = (Device("person0") for _ in range(3))
        for device in (phone, laptop, kiosk):
            assert device.sign_in(here, passwords[0]) == 200
            ask(device, 200)
        copy = Device("person0", kiosk.token)
        assert kiosk.send(elsewhere, "POST", "/api/logout").status_code == 204
        ask(copy, 401)
        assert laptop.send(elsewhere, "DELETE", "/api/sessions").status_code == 204
        ask(phone, 401)
        ask(laptop, 200)
        assert phone.sign_in(here, passwords[0]) == 200
        changed = {"current_password": passwords[0], "new_password": passwords[1]}
        copy = Device("person0", laptop.token)
        assert laptop.send(elsewhere, "POST", "/api/password", changed).status_code == 204
        passwords.reverse()
        for device, expected in ((phone, 401), (copy, 401), (laptop, 200)):
            ask(device, expected)
    if passwords[0] != PASSWORD:
        changed = {"current_password": passwords[0], "new_password": PASSWORD}
        assert laptop.send(here, "POST", "/api/password", changed).status_code == 204
    ledger.note(
        CHAPTER,
        "sign in, log out, end the others, change the password on one host; ask all three",
        backend=BACKEND,
        times=asked,
        lost=wrong,
        seen=f"clocks {OFFSETS[-1] - OFFSETS[0]:.0f} s apart",
    )
    assert wrong == 0


def test_guesses_count_for_all_hosts_together(machines: Machines, ledger: Ledger) -> None:
    guesses = [
        Device("person1").sign_in(machines.hosts[number % len(OFFSETS)], "a wrong guess")
        for number in range(8)
    ]
    ledger.note(
        CHAPTER,
        "guesses at one password, each on another host",
        backend=BACKEND,
        times=len(guesses),
        lost=guesses[5:].count(401),
        seen=f"{guesses.count(401)} tried, {guesses.count(429)} answered 429",
    )
    assert guesses == [401] * 5 + [429] * 3


async def so_many_more(tally: Tally, requests: int) -> None:
    """Return once there were so many more requests."""
    before = tally.requests
    await until(lambda: tally.requests >= before + requests)


async def nothing_is_under_way(tally: Tally, host: Host) -> None:
    """Return once a host has answered everything."""
    await until(lambda: tally.under_way[host.url] == 0)


async def all_sign_in_anew(people: Sequence[Person]) -> None:
    """Return once everybody has signed out and in again."""
    now = time.time()
    for person in people:
        person.leave()
    await until(lambda: all((person.signed_in_at or 0) > now for person in people))


def test_nobody_is_signed_out_when_a_node_of_the_cluster_fails(
    machines: Machines, ledger: Ledger, soak: bool
) -> None:
    rounds, calm = (8, 1_000) if soak else (1, 100)
    cluster, tally = machines.cluster, Tally()
    took: list[float] = []
    recovered: list[float] = []

    async def survive(people: Sequence[Person], habits: dict[str, int], deed: Deed) -> int:
        """Let something happen to the cluster while people use the app; how often they got 503."""
        for person in people:
            await person.settle()
            person.habits = habits
        async with in_use(people, PAUSE):
            await so_many_more(tally, calm)
            begun_at = time.monotonic()
            await asyncio.to_thread(deed)
            over_at = time.monotonic()
        while not await all_well(people):
            continue
        took.append(over_at - begun_at)
        recovered.append(time.monotonic() - over_at)
        refused = len(tally.unavailable)
        tally.unavailable.clear()
        return refused

    async def all_well(people: Sequence[Person]) -> bool:
        try:
            for person in people:
                await person.settle()
            await asyncio.gather(*(person.me() for person in people for _ in machines.hosts))
        except Unanswered:
            return False
        return True

    async def use() -> int:
        urls = [host.url for host in machines.hosts]
        refused = 0
        async with connections() as transport:
            people = [
                Person(number, urls, transport, tally, lifetime=43_200, skew=SKEW)
                for number in range(2, PEOPLE)
            ]
            for _ in range(rounds):
                refused += await survive(people, MIXED, cluster.hand_over)
                # What only the killed one knew would be lost: docs/scaling.md.
                refused += await survive(people, READING, cluster.fail_over)
                refused += await survive(people, MIXED, cluster.restore)
        return refused

    refused = run_aside(use())
    ledger.note(
        CHAPTER,
        "a master of the cluster hands over, is killed, and comes back",
        backend=BACKEND,
        times=3 * rounds,
        lost=len(tally.wrong),
        seen=f"{tally.requests:,} requests, {refused} answered 503 meanwhile; the cluster took "
        f"{max(took):.1f} s at most, the app {max(recovered):.1f} s more",
    )
    assert not tally.wrong
    assert tally.broken == 0
    assert max(recovered) < RECOVERY_SECONDS + SLACK_SECONDS


def test_keys_are_changed_one_host_after_the_other_and_nobody_is_signed_out(
    machines: Machines, ledger: Ledger, soak: bool
) -> None:
    times, number_of_hosts = (5, 3) if soak else (1, 2)
    keys = [secrets.token_urlsafe(48) for _ in range(2)]
    variables = {**machines.stores, "SECRET_KEYS": keys[0]}
    hosts = [Host(machines.project, variables) for _ in range(number_of_hosts)]
    urls = [host.url for host in hosts]
    tally = Tally()
    remembered: list[tuple[str, Device]] = []
    wrong = 0

    async def go_round(*keys: str) -> None:
        """Restart each host with other keys; none of the others, nor a request, is in the way."""
        nonlocal wrong
        for host in hosts:
            urls.remove(host.url)
            await nothing_is_under_way(tally, host)
            host.environment["SECRET_KEYS"] = ",".join(keys)
            await asyncio.to_thread(host.restart)
            urls.append(host.url)
            await so_many_more(tally, 50)
            for key, device in remembered:
                expected = [
                    200 if key in other.environment["SECRET_KEYS"] else 401 for other in hosts
                ]
                wrong += await asyncio.to_thread(device.statuses, hosts) != expected
        device = Device("person0")
        assert await asyncio.to_thread(device.sign_in, hosts[0], remember=True) == 200
        remembered.append((keys[0], device))

    async def rotate() -> None:
        async with connections() as transport:
            people = [
                Person(number, urls, transport, tally, lifetime=43_200)
                for number in range(2, PEOPLE)
            ]
            old, new = keys
            async with in_use(people, PAUSE):
                for _ in range(times):
                    await go_round(old, new)
                    await go_round(new, old)
                    # Nobody is left with what the old key has signed.
                    await all_sign_in_anew(people)
                    await go_round(new)
                    old, new = new, old
                    remembered.clear()

    with running(*hosts):
        run_aside(rotate())
    ledger.note(
        CHAPTER,
        "another key, one host restarted after the other",
        backend=BACKEND,
        times=times,
        lost=len(tally.wrong) + len(tally.unavailable) + tally.broken + wrong,
        seen=f"{number_of_hosts} hosts, {tally} meanwhile",
    )
    assert not tally.wrong
    assert not tally.unavailable
    assert tally.broken == 0
    assert wrong == 0


def test_pgbouncer_is_refused_unless_it_keeps_prepared_statements(
    machines: Machines, ledger: Ledger, soak: bool
) -> None:
    requests = 5_000 if soak else 400
    port = port_to_keep()
    url = re.sub(r":\d+/", f":{port}/", machines.stores["DATABASE_URL"])
    host = Host(machines.project, {**machines.stores, "DATABASE_URL": url})
    tally = Tally()

    def status(path: str) -> int:
        return httpx2.get(host.url + path, headers=visitor(0), timeout=PATIENCE_SECONDS).status_code

    async def use() -> None:
        async with connections() as transport:
            people = [
                Person(number, [host.url], transport, tally, lifetime=43_200)
                for number in range(2, PEOPLE)
            ]
            async with in_use(people, PAUSE / 4):
                await so_many_more(tally, requests)

    with running(host):
        with pgbouncer(machines, port, "pool_mode = transaction"):
            refused = [status("/health/ready"), Device("person0").sign_in(host)]
            assert "unsupported startup parameter: needs.prepared_statements" in host.output
        told = "ignore_startup_parameters = needs.prepared_statements"
        with pgbouncer(machines, port, "pool_mode = session", told):
            ready = status("/health/ready")
            run_aside(use())
    lost = len(tally.wrong) + len(tally.unavailable) + tally.broken
    ledger.note(
        CHAPTER,
        "behind PgBouncer: refused in transaction mode, right in session mode",
        backend=BACKEND,
        times=tally.requests,
        lost=lost,
        seen=f"in transaction mode {refused[0]} and a sentence in the log",
    )
    assert refused == [503, 503]
    assert ready == 200
    assert not tally.wrong
    assert lost == 0


def pgbouncer(machines: Machines, port: int, *settings: str) -> AbstractContextManager[None]:
    """Run PgBouncer before PostgreSQL for as long as the block lasts."""
    [behind] = re.findall(r":(\d+)/", machines.stores["DATABASE_URL"])
    lines = [
        "[databases]",
        f"postgres = host=127.0.0.1 port={behind} user=postgres",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        "default_pool_size = 40",
        *settings,
    ]
    configuration = machines.project.path / "pgbouncer.ini"
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # It does not run as root.
    account = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [deploying.program("pgbouncer", "pgbouncer"), *account, str(configuration)]
    return deploying.running(command, machines.project.path, "process up", {})
