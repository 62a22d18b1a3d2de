"""The machine: which core does what, and what it is."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

# Debian's package of each.
PROGRAMS = {
    "callgrind_control": "valgrind",
    "redis-cli": "redis-tools",
    "redis-server": "redis-server",
    "taskset": "util-linux",
    "wrk": "wrk",
}


_CORES = sorted(os.sched_getaffinity(0))
CORES = len(_CORES)
# The server that is measured has one to itself; stores, and what sends requests, share the other.
LOAD_CORE, SERVER_CORE = _CORES[0], _CORES[-1]


class Missing(Exception):
    """Something that measuring wants is not there."""


def check() -> None:
    """Raise Missing with a sentence for each thing that is not there."""
    faults = [
        f"{program} was not found: apt-get install {package}"
        for program, package in PROGRAMS.items()
        if shutil.which(program) is None
    ]
    if CORES < 2:
        faults.append("two cores are needed, one for the server and one for what asks it")
    if faults:
        raise Missing("\n".join(faults))


def processor() -> str:
    """Return the name of the processor."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.M)
    return found[1] if found else platform.machine()


def load_average() -> str:
    """Return the load of the last minute: how many processes wanted to run."""
    return f"{os.getloadavg()[0]:.1f}"


def version_of(*command: str) -> str:
    """Return the first version number that a program tells."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    [version, *_] = re.findall(r"\d+\.[\d.]*\d", done.stdout)
    return str(version)


def memory_of(process: int, field: str) -> int:
    """Return what a process takes, in bytes. field: VmRSS, or VmHWM for the most it ever took."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    [kilobytes] = re.findall(rf"^{field}:\s+(\d+) kB$", status, re.M)
    return 1024 * int(kilobytes)
