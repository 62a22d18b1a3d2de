"""The generated app with FULL sessions in its memory, served like the app itself.

SESSIONS_OF_A_USER: how many of them belong to one user. BYTES: a file, to which the resident memory
of a session is written, in bytes.
"""

import os
import re
from pathlib import Path

from app.main import app
from app.sessions.session import Amr, Session


def resident() -> int:
    """Return the resident memory of this process, in bytes."""
    [kilobytes] = re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text("utf-8"))
    return 1024 * int(kilobytes)


def fill(number: int) -> None:
    """Add sessions."""
    store = app.state.services.sessions.store
    store._limit = max(store._limit, 2 * number)
    now = app.state.services.clock()
    of_a_user = int(os.environ["SESSIONS_OF_A_USER"])
    for count in range(number):
        begun = now + count / 1e9
        session = Session(
            user_id=1_000 + count // of_a_user,
            session_version=0,
            created_at=begun,
            last_seen_at=begun,
            authenticated_at=begun,
            expires_at=now + 3600 + count / 1e9,
            remember=False,
            amr=Amr.PWD,
            # New strings each time, as requests bring them.
            ip=f"198.51.{count % 256}.{count % 251}",
            user_agent=bytes(USER_AGENT).decode(),
            key=os.urandom(32),
        )
        try:
            store.add(session).send(None)
        except StopIteration:
            continue
        raise RuntimeError("the memory store awaited something")


USER_AGENT = os.environ["USER_AGENT"].encode()
number = int(os.environ["FULL"])
before = resident()
fill(number)
Path(os.environ["BYTES"]).write_text(str((resident() - before) // number), encoding="utf-8")
