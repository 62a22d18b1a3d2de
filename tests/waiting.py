"""How tests wait for what other processes do: they ask again and again, and give up in the end."""

import time
from collections.abc import Callable

# What has not come by then is taken for never: the machine may be busy.
PATIENCE_SECONDS = 120
POLL_SECONDS = 0.02


def wait_until(
    is_so: Callable[[], bool],
    seconds: float = PATIENCE_SECONDS,
    tell: Callable[[], str] = lambda: "it has not become so",
) -> float:
    """Return how many seconds it took until something was so; fail when it is late.

    tell: what to say then.
    """
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, tell()
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began
