"""Asynchronous work in the middle of a test that is not."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tests.processes import PATIENCE_SECONDS

T = TypeVar("T")


def run_aside(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in a thread: a browser's event loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        bounded = asyncio.wait_for(work, PATIENCE_SECONDS)
        return thread.submit(asyncio.run, bounded).result()
