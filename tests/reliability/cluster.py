"""A Redis Cluster on loopback: three masters, and a replica of the first."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests import processes
from tests.deploying import program
from tests.reliability.hosts import port_to_keep
from tests.waiting import wait_until

MASTERS = 3
SLOTS = 16_384
# How long nodes wait for one another. A shorter one would be taken for a failure on a busy machine.
NODE_TIMEOUT_MS = 2_000


class Cluster:
    """Running nodes. pair: the ports of the first master and of its replica, whichever is which."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = program("redis-server", "redis-server")
        self._client = program("redis-cli", "redis-tools")
        self._buses: dict[int, int] = {}
        self._nodes: dict[int, subprocess.Popen[bytes]] = {}
        self.pair: tuple[int, int] = (0, 0)

    @property
    def url(self) -> str:
        """The URL of a node that is not of the pair; the app finds the others."""
        return f"redis://127.0.0.1:{next(port for port in self._nodes if port not in self.pair)}/0"

    def start(self) -> None:
        """Start all nodes, and join them."""
        ports = [port_to_keep() for _ in range(MASTERS + 1)]
        self._buses = {port: port_to_keep() for port in ports}
        for port in ports:
            self._start(port)
        *masters, replica = ports
        self.pair = masters[0], replica
        bounds = [SLOTS * number // MASTERS for number in range(MASTERS + 1)]
        for number, port in enumerate(masters):
            first, last = bounds[number], bounds[number + 1] - 1
            self.ask(port, "CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            # Each begins with a number of its own, or they would take time to agree.
            self.ask(port, "CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
        for port in ports[1:]:
            self.ask(ports[0], "CLUSTER", "MEET", "127.0.0.1", str(port), str(self._buses[port]))
        wait_until(lambda: all(self._knows_all(port) for port in ports))
        self.ask(replica, "CLUSTER", "REPLICATE", self.ask(masters[0], "CLUSTER", "MYID"))
        wait_until(self.is_replicated)
        wait_until(self.is_well)

    def ask(self, port: int, *words: str) -> str:
        """Send a command to a node; the answer."""
        command = [self._client, "-p", str(port), *words]
        return processes.run(command, check=True).stdout.strip()

    def master(self) -> int:
        """Return which of the pair takes writes."""
        [port] = [port for port in self.pair if "role:master" in self._tell(port, "replication")]
        return port

    def is_replicated(self) -> bool:
        """Whether the replica has all that its master has."""
        first, second = (
            dict(
                line.split(":", 1)
                for line in self._tell(port, "replication").splitlines()
                if ":" in line
            )
            for port in self.pair
        )
        is_linked = "up" in (first.get("master_link_status"), second.get("master_link_status"))
        return is_linked and first["master_repl_offset"] == second["master_repl_offset"]

    def is_well(self) -> bool:
        """Whether all living nodes agree that every slot is served, and by whom."""
        living = [port for port, node in self._nodes.items() if node.poll() is None]
        views = {
            tuple(
                sorted(
                    f"{words[0]} {words[8:]}"
                    for words in map(str.split, self.ask(port, "CLUSTER", "NODES").splitlines())
                    if "master" in words[2] and "fail" not in words[2]
                )
            )
            for port in living
        }
        states = {"cluster_state:ok" in self.ask(port, "CLUSTER", "INFO") for port in living}
        return len(views) == 1 and states == {True}

    def hand_over(self) -> None:
        """Let master and replica of the pair change places, and wait for it. Nothing is lost."""
        old = self.master()
        [new] = set(self.pair) - {old}
        assert self.ask(new, "CLUSTER", "FAILOVER") == "OK"
        wait_until(lambda: self._has_taken_over(new))

    def fail_over(self) -> None:
        """Kill the master of the pair, and wait until its replica has taken its place.

        What is written at that moment may be lost.
        """
        wait_until(self.is_replicated)
        old = self.master()
        [new] = set(self.pair) - {old}
        self._nodes[old].kill()
        processes.wait(self._nodes[old])
        wait_until(lambda: self._has_taken_over(new))

    def restore(self) -> None:
        """Start the one of the pair that was killed; wait until it is a replica that has all."""
        [port] = [port for port in self.pair if self._nodes[port].poll() is not None]
        self._start(port)
        wait_until(lambda: self.is_well() and self.is_replicated())

    def end(self) -> None:
        """End all nodes."""
        for node in self._nodes.values():
            node.kill()
            processes.wait(node)

    def _has_taken_over(self, port: int) -> bool:
        return "role:master" in self._tell(port, "replication") and self.is_well()

    def _start(self, port: int) -> None:
        options = {
            "port": port,
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "no",
            "cluster-enabled": "yes",
            "cluster-config-file": self._folder / f"{port}.conf",
            "cluster-port": self._buses[port],
            "cluster-node-timeout": NODE_TIMEOUT_MS,
            "repl-diskless-sync-delay": 0,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._nodes[port] = subprocess.Popen(
            [self._server, *words], cwd=self._folder, stdout=subprocess.DEVNULL
        )
        wait_until(lambda: self._answers(port))

    def _answers(self, port: int) -> bool:
        command = [self._client, "-p", str(port), "PING"]
        return processes.run(command).stdout.strip() == "PONG"

    def _knows_all(self, port: int) -> bool:
        said = self.ask(port, "CLUSTER", "INFO")
        return "cluster_state:ok" in said and f"cluster_known_nodes:{MASTERS + 1}" in said

    def _tell(self, port: int, about: str) -> str:
        return self.ask(port, "INFO", about)


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Run a cluster for as long as the block lasts."""
    cluster = Cluster(folder)
    with ExitStack() as stack:
        stack.callback(cluster.end)
        cluster.start()
        yield cluster
