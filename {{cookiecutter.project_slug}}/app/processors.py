"""How many processors this process may use: in a container, fewer than the machine has."""

import os
from pathlib import Path


def available_processors(
    cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int:
    """Return the number that affinity and quota leave to this process, at least 1.

    cgroups: where Linux keeps its control groups. own: the file that names ours.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    group = cgroups / _read(own).partition("0::/")[2]
    # A group has no more than the groups that it is in.
    limits = [_read(folder / "cpu.max") for folder in (group, *group.parents)]
    # The first version of control groups, as a container sees its own.
    old = [_read(cgroups / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    limits.append(" ".join(old))
    for limit in limits:
        quota, _, period = limit.partition(" ")
        if quota.isdigit() and period.isdigit():
            count = min(count, int(quota) // int(period))
    return max(1, count)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return ""
