"""The machine: what it is, and which core does what."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

# Each with its Debian package.
PROGRAMS = {
    "callgrind_control": "valgrind",
    "redis-cli": "redis-tools",
    "redis-server": "redis-server",
    "taskset": "util-linux",
    "wrk": "wrk",
}


_CORES = sorted(os.sched_getaffinity(0))
CORES = len(_CORES)
# The measured server has a core to itself; the stores and the load generator share the other.
LOAD_CORE, SERVER_CORE = _CORES[0], _CORES[-1]


class Missing(Exception):
    """A program or a core that the benchmarks need is missing."""


def check() -> None:
    """Raise Missing, with a sentence for each thing that is missing."""
    faults = [
        f"{program} was not found: apt-get install {package}"
        for program, package in PROGRAMS.items()
        if shutil.which(program) is None
    ]
    if CORES < 2:
        faults.append("two cores are needed, one for the server and one for the load")
    if faults:
        raise Missing("\n".join(faults))


def processor() -> str:
    """Return the name of the processor."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.M)
    return found[1] if found else platform.machine()


def load_average() -> str:
    """Return the load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def version_of(*command: str) -> str:
    """Return the first version number that a program prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    [version, *_] = re.findall(r"\d+\.[\d.]*\d", done.stdout)
    return str(version)


def memory_of(process: int, field: str) -> int:
    """Return the memory of a process, in bytes. field: VmRSS, or VmHWM for its peak."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    [kilobytes] = re.findall(rf"^{field}:\s+(\d+) kB$", status, re.M)
    return 1024 * int(kilobytes)
