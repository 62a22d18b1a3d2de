"""Run a command with no other system calls than its service allows it.

Arguments: the unit of the service, and the command.
"""

import ctypes
import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# As seccomp.h has them.
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM


def calls(names: Iterable[str]) -> set[str]:
    """Return the system calls of these names, and of the sets among them, as systemd has them."""
    found = set()
    for name in names:
        if name.startswith("@"):
            command = ["systemd-analyze", "--no-pager", "syscall-filter", name]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found |= calls(re.findall(r"^ +([@\w-]+)$", said, re.MULTILINE))
        else:
            found.add(name)
    return found


def allowed_by(unit: str) -> set[str]:
    """Return the system calls that a unit allows."""
    allowed: set[str] = set()
    for taken_away, names in re.findall(r"^SystemCallFilter=(~?)(.+)$", unit, re.MULTILINE):
        named = calls(names.split())
        allowed = allowed - named if taken_away else allowed | named
    return allowed


def restrict(allowed: Iterable[str]) -> None:
    """Refuse all other system calls to this process, and to those that it starts, for good."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(REFUSE)))
    for name in allowed:
        number = library.seccomp_syscall_resolve_name(name.encode())
        # Negative on a processor that has no such call.
        if number >= 0 and library.seccomp_rule_add(rules, ctypes.c_uint32(ALLOW), number, 0):
            raise RuntimeError(f"{name} cannot be allowed")
    if library.seccomp_load(rules):
        raise RuntimeError("the rules cannot be loaded")


unit, *command = sys.argv[1:]
restrict(allowed_by(Path(unit).read_text("utf-8")))
os.execv(command[0], command)
