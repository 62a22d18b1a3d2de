"""The attacks that ``make attack`` plays over HTTP: what this folder marks as a story.

Each is told once: pytest plays it against an app in its own process, and ``python -m tests.attack``
against one behind a connection.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2

from tests.client import Browser

# Takes the target. Some stories need a connection, and are no tests by themselves.
Play = Callable[[Any], Awaitable[None]]


class NotPlayed(Exception):
    """A story that says nothing about the app. The text is the reason."""


@dataclass
class Target(ABC):
    """The app under attack, and what it has answered.

    alice, mallory: the names of a victim and of an attacker, who keep their accounts. nobody: what
    nobody signs in with.
    """

    alice: str
    mallory: str
    nobody: str
    public_url: str
    """Where the app says that it is."""
    clock: Callable[[], float]
    """Unix time in seconds, as the app sees it."""
    routes: Iterable[tuple[str, str]]
    """Method and path of each route that may be called."""
    came_back: Counter[str] = field(default_factory=Counter)

    @abstractmethod
    def browser(self) -> Browser:
        """Return a browser in which nobody is signed in."""

    @abstractmethod
    async def signed_in(self, name: str) -> Browser:
        """Return another browser, in which somebody has just signed in; they may be new here."""

    @abstractmethod
    def newcomer(self) -> str:
        """Return a name that no other story uses, for what its account does not survive."""

    @abstractmethod
    async def disabled(self) -> list[str]:
        """Return names whose accounts are closed, where that is within reach."""

    def expect(self, response: httpx2.Response, *statuses: int) -> httpx2.Response:
        """Note an answer. Raises AssertionError unless it has one of these statuses."""
        request = response.request
        answer = f"{response.status_code} {response.reason_phrase}"
        wanted = " or ".join(map(str, statuses))
        assert response.status_code in statuses, (
            f"{request.method} {request.url.path} was answered with {answer}, not {wanted}"
        )
        self.came_back[answer] += 1
        return response

    def hold(self, fact: bool, sentence: str) -> None:
        """Note a sentence that is a fact. Raises AssertionError when it is none."""
        assert fact, f"it is not so that {sentence}"
        self.came_back[sentence] += 1


@dataclass(frozen=True)
class Story:
    """An attack. promise: the row of SECURITY.md that it tries to break."""

    name: str
    promise: int
    play: Play

    @property
    def tried(self) -> str:
        """What the attacker does: the first paragraph of the docstring."""
        return " ".join(str(self.play.__doc__).partition("\n\n")[0].split())


_stories: list[Story] = []


def story(name: str, *, promise: int) -> Callable[[Play], Play]:
    """Mark a test that ``make attack`` plays as well. name: what people call the attack."""

    def mark(play: Play) -> Play:
        _stories.append(Story(name, promise, play))
        return play

    return mark


def all_stories() -> Iterator[Story]:
    """Yield every story, in the order of SECURITY.md."""
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        import_module(f"{__package__}.{file.stem}")
    yield from sorted(_stories, key=lambda each: each.promise)
