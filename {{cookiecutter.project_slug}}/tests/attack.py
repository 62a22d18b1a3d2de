"""Plays the attacks of ``tests/attacks/`` against the app over HTTP, and says what came of each.

``python -m tests.attack`` starts the app on a free port, with stores and a key of its own. With
``--url`` it attacks an app that you have started on this machine; no other host is ever contacted.
"""

import asyncio
import io
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from shutil import copytree
from textwrap import fill
from traceback import extract_tb
from typing import Annotated, NoReturn, cast
from urllib.parse import urlsplit

import httpx2
import pytest
import typer
from rich.console import Console

from app.config import ROOT, Settings
from app.origins import DEFAULT_PUBLIC_URL
from app.terminal import printable
from tests.attacks.remote import Address, Remote
from tests.attacks.stories import NotPlayed, Story, Target, all_stories
from tests.database import new_database
#{% if cookiecutter.session_backend == "redis" %}
from tests.redis import new_redis
#{% endif %}

# Exit statuses: an attack got through, or there is nothing that may be attacked.
GOT_THROUGH, NO_TARGET = 1, 2

# Seconds that the app may take to start.
START_SECONDS = 60

HELD, BROKEN, NOT_PLAYED = "held", "GOT THROUGH", "not played"
STYLES = {HELD: "green", BROKEN: "bold red", NOT_PLAYED: "yellow"}

# Number and text of each promise in SECURITY.md.
PROMISE = re.compile(r"^\| (\d+) \| ([^|]*) \|", re.MULTILINE)


def main(
    url: Annotated[str, typer.Option(help="An app of yours, like http://localhost:8000.")] = "",
    only: Annotated[str, typer.Option(help="Part of the names of the attacks to play.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", help="Show requests and answers.")] = False,
) -> None:
    """Attack the app over HTTP; exit with 1 if anything got through."""
    # A character that the output's encoding lacks is spelled out rather than an error.
    cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
    stories = [each for each in all_stories() if only in each.name]
    if not stories:
        refuse(f"No attack has {only!r} in its name.")
    with find(url) if url else serving() as address:
        attacks = attack(address, stories, verbose=verbose, clean_up=bool(url))
        raise SystemExit(asyncio.run(attacks))


def refuse(reason: str) -> NoReturn:
    """Say why nothing is attacked, and exit."""
    typer.echo(reason, err=True)
    raise SystemExit(NO_TARGET)


@contextmanager
def find(url: str) -> Iterator[Address]:
    """Yield where a URL leads. Exits with a sentence unless that is an app on this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
        found = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (ValueError, OSError):
        refuse(f"{url} leads nowhere: --url wants something like http://localhost:8000.")
    if parts.scheme != "http" or not host:
        refuse(f"{url} is no address of an app: --url wants something like http://localhost:8000.")
    if not all(ip_address(ip).is_loopback for ip in found):
        refuse(f"{host} is not this machine. Attack only what is yours, and only here.")
    for ip in map(str, found):
        try:
            socket.create_connection((ip, port), timeout=5).close()
        except OSError:
            continue
        # The jar of a browser has no cookies for a bare address of IPv6.
        name = "localhost" if host == ip else host
        yield Address(name, port, ip, source_for(ip), f"http://{name}:{port}")
        return
    refuse(f"Nothing answers at {url}: start the app, for example with `make run`.")


def source_for(ip: str) -> str:
    """Return an address of this machine to attack from, if possible one that nobody else uses.

    Failed sign-ins count against it, and would keep you waiting for LOGIN_WINDOW.
    """
    unused = f"127.{secrets.randbelow(254) + 1}.{secrets.randbelow(256)}.2"
    with socket.socket() as probe:
        try:
            probe.bind((unused, 0))
        except OSError:
            # Systems other than Linux know 127.0.0.1 alone.
            return ip
    return unused if "." in ip else ip


@contextmanager
def serving() -> Iterator[Address]:
    """Run the app with stores and settings of its own, for as long as the block lasts."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # A copy, so that it finds no .env.
        copytree(ROOT / "app", folder / "app")
        own = (*Settings.model_fields, "forwarded_allow_ips", "web_concurrency")
        variables = {name: value for name, value in os.environ.items() if name.lower() not in own}
        variables["SECRET_KEYS"] = secrets.token_urlsafe(32)
        #{% if cookiecutter.oidc %}
        # One that does not exist: nothing that an attacker sends is a reason to ask it.
        variables |= {"OIDC_PROVIDERS": "corp", "OIDC_CORP_ISSUER": "https://id.invalid"}
        variables |= {"OIDC_CORP_CLIENT_ID": "app", "OIDC_CORP_CLIENT_SECRET": "app"}
        #{% endif %}
        try:
            variables["DATABASE_URL"] = stack.enter_context(new_database())
            #{% if cookiecutter.session_backend == "redis" %}
            variables["REDIS_URL"] = stack.enter_context(new_redis())
            #{% endif %}
        except (pytest.skip.Exception, pytest.fail.Exception) as missing:
            refuse(f"Nothing was attacked: {missing}")
        log = folder / "log"
        command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"]
        server = stack.enter_context(
            subprocess.Popen(
                command,
                cwd=folder,
                env=variables,
                stdout=stack.enter_context(log.open("w")),
                stderr=subprocess.STDOUT,
            )
        )
        stack.callback(server.terminate)
        port = port_of(server, log)
        yield Address("localhost", port, "127.0.0.1", "127.0.0.1", DEFAULT_PUBLIC_URL)


def port_of(server: subprocess.Popen[bytes], log: Path) -> int:
    """Wait until a server serves; return its port. Exits with its log if it does not."""
    for _ in range(START_SECONDS * 20):
        if running := re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text("utf-8")):
            return int(running[1])
        if server.poll() is not None:
            break
        time.sleep(0.05)
    refuse(f"The app does not start:\n{log.read_text('utf-8')}")


async def attack(
    address: Address, stories: Iterable[Story], *, verbose: bool, clean_up: bool
) -> int:
    """Play stories, and tell of each; return the exit status."""
    console = Console(highlight=False, soft_wrap=True)
    traffic: list[str] = []
    target = Remote(address, secrets.token_hex(4), traffic.append)
    try:
        await target.prepare()
    except NotPlayed as reason:
        refuse(str(reason))
    outcomes: Counter[str] = Counter()
    console.print(f"Attacking http://{address.host}:{address.port}\n")
    try:
        for story in stories:
            traffic.clear()
            outcome, came_back = await play(story, target)
            outcomes[outcome] += 1
            show(console, story, outcome, came_back, traffic if verbose else [])
    finally:
        if clean_up:
            await target.delete_accounts()
        await target.close()
    for name in target.accounts if clean_up else ():
        console.print(f"{name} could not be deleted: python -m app delete-user {name}")
    broken = outcomes[BROKEN]
    console.print(f"\n{summary(outcomes)}", style=STYLES[BROKEN if broken else HELD])
    return GOT_THROUGH if broken else 0


def show(
    console: Console, story: Story, outcome: str, came_back: str, traffic: Iterable[str]
) -> None:
    """Print how a story ended, and why."""
    promises = dict(PROMISE.findall((ROOT / "SECURITY.md").read_text("utf-8")))
    console.print(f"{outcome:12}", style=STYLES[outcome], end="")
    console.print(story.name, style="bold")
    promise = f"{story.promise}: {promises[str(story.promise)]}"
    for title, text in (("tried", story.tried), ("came back", came_back), ("promise", promise)):
        console.print(in_lines(console, title, text), markup=False)
    for line in traffic:
        console.print(f"{'':14}{printable(line)}", style="dim", markup=False)


def summary(outcomes: Counter[str]) -> str:
    """Return the last line."""
    count, unplayed = outcomes.total(), outcomes[NOT_PLAYED]
    attacks = "1 attack" if count == 1 else f"{count} attacks"
    rest = f", {unplayed} not played" if unplayed else ""
    return f"{attacks}: {outcomes[BROKEN] or 'none'} got through{rest}."


def in_lines(console: Console, title: str, text: str) -> str:
    """Return a text below its attack: in lines on a terminal, in one for programs."""
    width = console.width if console.is_terminal else 10_000
    return fill(f"{'':12}{title:11}{text}", width, subsequent_indent=" " * 23)


async def play(story: Story, target: Target) -> tuple[str, str]:
    """Return how a story ended, and what came back."""
    target.came_back.clear()
    try:
        await story.play(target)
    except NotPlayed as reason:
        return NOT_PLAYED, str(reason)
    except AssertionError as error:
        return BROKEN, str(error) or f"it is not so that {extract_tb(error.__traceback__)[-1].line}"
    except httpx2.HTTPError as error:
        return BROKEN, f"the app did not answer: {error!r}"
    answers = target.came_back.items()
    return HELD, "; ".join(what if n == 1 else f"{what} ({n} times)" for what, n in answers)


if __name__ == "__main__":
    typer.run(main)
