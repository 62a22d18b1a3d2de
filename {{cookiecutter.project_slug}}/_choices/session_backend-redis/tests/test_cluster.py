"""What a session promises, once more, on a Redis Cluster of three nodes."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.services import Services
from tests import test_server_side_sessions, test_session_values, test_sessions
from tests.redis import OK, running_cluster, send
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
