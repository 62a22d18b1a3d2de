"""What the pages cost beside one of the same size that Jinja makes for nobody in particular."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from benchmarks.figures import Spread
from benchmarks.load import Load
from benchmarks.shares import SEED, compare
from benchmarks.targets import PAGES, Own
from benchmarks.workbench import HEADERS, PEERS, App, Server, serving, workbench

WITH_PAGES = (PAGES,)
PATHS = ("/", "/account")
# Sessions of the user, which both pages list.
FEW, MANY = 10, 50


@dataclass(frozen=True)
class Page:
    """Requests per second, as a share of those of the bare page."""

    target: Own
    path: str
    sessions: int
    size: int
    """Bytes of the page."""
    share: Spread


def measure(targets: Sequence[Own], rounds: int) -> list[Page]:
    """Measure each page with few and with many sessions."""
    return [page for target in targets for page in _measure(target, rounds)]


def _measure(target: Own, rounds: int) -> list[Page]:
    turns, pages = random.Random(SEED), []
    with workbench() as bench:
        server = bench.serve(target)
        before = 0
        for sessions in (FEW, MANY):
            cookies = [server.sign_in(target) for _ in range(sessions - before)]
            before = sessions
            for path in PATHS:
                size = _size(server, path, cookies[-1])
                variables = {"SIZE": str(size)}
                bare = App("bare_page:app", PEERS, bench.environment(target), variables)
                with serving(bare) as beside:
                    own = Load(server.url + path, (cookies[-1],))
                    share = compare(own, Load(f"{beside.url}/"), rounds, turns)
                pages.append(Page(target, path, sessions, size, share))
    return pages


def _size(server: Server, path: str, cookie: str) -> int:
    """Return the bytes of a page."""
    headers = {**HEADERS, "cookie": cookie, "accept": "text/html"}
    return len(httpx2.get(server.url + path, headers=headers).raise_for_status().content)
