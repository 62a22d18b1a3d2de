"""What a session promises, once more, on a Redis Cluster of three nodes."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.services import Services
from tests import test_server_side_sessions, test_session_values, test_sessions
from tests.client import Client
from tests.conftest import Start
from tests.redis import OK, running_cluster, running_node, send
from tests.servers import free_port
from tests.sessions import Begin, is_active

for suite in (test_sessions, test_session_values, test_server_side_sessions):
    globals().update({name: test for name, test in vars(suite).items() if name[:5] == "test_"})


@pytest.fixture(scope="module")
def ports(redis_binary: str) -> Iterator[list[int]]:
    """Start the cluster."""
    with TemporaryDirectory() as folder, running_cluster(redis_binary, Path(folder)) as ports:
        yield ports


@pytest.fixture
def redis_url(ports: list[int]) -> str:
    """Return the URL of one node; the app finds the others."""
    for port in ports:
        assert send(port, "FLUSHALL") == OK
    return f"redis://127.0.0.1:{ports[0]}/0"


async def test_sessions_are_spread_over_all_nodes(
    services: Services, begin: Begin, ports: list[int]
) -> None:
    sessions = [await begin() for _ in range(30)]
    sizes = [int(send(port, "DBSIZE")[1:]) for port in ports]
    assert sum(sizes) == 30 + 1
    assert min(sizes) > 0
    await services.sessions.revoke_others(sessions[0])
    assert [await is_active(services, each) for each in sessions] == [True] + [False] * 29
    assert sum(int(send(port, "DBSIZE")[1:]) for port in ports) == 2


async def test_all_nodes_forget_the_sessions_of_everybody(
    services: Services, begin: Begin, ports: list[int]
) -> None:
    for _ in range(30):
        await begin()
    await services.users.end_all_sessions()
    assert [int(send(port, "DBSIZE")[1:]) for port in ports] == [0, 0, 0]


async def test_a_cluster_is_found_again_wherever_its_nodes_are(
    start: Start, redis_binary: str, tmp_path: Path
) -> None:
    # REDIS_URL leads to a node that keeps no sessions, as a host name does to the nodes of the day.
    port = free_port()
    client = Client(await start(redis_url=f"redis://localhost:{port}/0"))
    await client.register()
    with running_node(redis_binary, tmp_path, port, free_port()):
        # Nobody keeps the sessions.
        for _ in range(2):
            assert (await client.get("/health/ready")).status_code == 503
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        with running_cluster(redis_binary, folder, 1, port) as ports:
            assert (await client.get("/health/ready")).status_code == 200
            assert (await client.sign_in()).status_code == 200
            # The others go on without that node.
            send(port, "SHUTDOWN", "NOSAVE")
            send(ports[0], "CLIENT", "KILL", "TYPE", "normal")
            assert await client.is_signed_in()
        for path in ("/api/me", "/health/ready"):
            assert (await client.get(path)).status_code == 503
