"""What a document says: where it leads, which commands it shows, which figures it names."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from urllib.parse import unquote

# Whatever begins with one of these, in a block or between backticks, is a command.
PROGRAMS = (
    ".venv/bin/",
    "alembic",
    "cookiecutter",
    "cruft",
    "docker",
    "git",
    "make",
    "npm",
    "pip",
    "pre-commit",
    "python",
    "python3",
    "redis-cli",
    "uvicorn",
    "uvx",
)

# Every block says what it is; those of "sh" are commands, one a line, and those of "console" are
# commands after the prompt of a server.
KINDS = {
    "caddyfile",
    "console",
    "diff",
    "html",
    "ini",
    "json",
    "mermaid",
    "nginx",
    "python",
    "sh",
    "text",
}
KINDS |= {"toml", "yaml"}

_BLOCK = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`((?:[^`\n]|\n(?!\n))+)`(?!`)")
_LINK = re.compile(r"\[((?:[^\[\]]|`[^`]*`)+)\]\(([^()\s]+)\)")
_PICTURE = re.compile(r"(?:src|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    """A link to a file beside the document."""

    text: str
    path: Path
    anchor: str


@dataclass(frozen=True)
class Document:
    """A page of Markdown."""

    path: Path

    @cached_property
    def text(self) -> str:
        """Everything."""
        return self.path.read_text("utf-8")

    @cached_property
    def prose(self) -> str:
        """What is in no block."""
        return _BLOCK.sub("", self.text)

    def blocks(self, kind: str) -> list[str]:
        """Return the blocks of a kind, in their order."""
        return [text for each, text in _BLOCK.findall(self.text) if each == kind]

    @property
    def kinds(self) -> set[str]:
        """How the blocks are marked."""
        return {kind for kind, _ in _BLOCK.findall(self.text)}

    @property
    def links(self) -> list[Link]:
        """Where it leads within the repository."""
        found = [*_LINK.findall(self.prose), *(("", each) for each in _PICTURE.findall(self.prose))]
        links = []
        for text, target in found:
            if "://" not in target:
                name, _, anchor = target.partition("#")
                path = self.path.parent / unquote(name) if name else self.path
                links.append(Link(" ".join(text.split()), path.resolve(), anchor))
        return links

    @property
    def anchors(self) -> set[str]:
        """How its headings are called in links, as GitHub and GitLab make it."""
        plain = (re.sub(r"[^\w\- ]", "", each.lower()) for each in _HEADING.findall(self.prose))
        return {each.replace(" ", "-") for each in plain}

    @property
    def scripts(self) -> list[list[str]]:
        """The blocks of commands, a command each line."""
        return [commands_of(block) for block in self.blocks("sh")]

    @property
    def transcripts(self) -> list[str]:
        """The commands that are typed on a server."""
        lines = chain.from_iterable(each.splitlines() for each in self.blocks("console"))
        return [line[2:] for line in lines if line.startswith(("# ", "$ "))]

    @property
    def mentions(self) -> list[str]:
        """Commands between backticks, in sentences and tables."""
        spans = (" ".join(each.split()) for each in _SPAN.findall(self.prose))
        return [each for each in spans if is_command(each)]


def commands_of(block: str) -> list[str]:
    """Return the commands of a block; one that goes on over a line's end is one."""
    lines = re.sub(r"\\\n\s*", "", block).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def is_command(text: str) -> bool:
    """Whether somebody is to type this: a program, and what to tell it."""
    program, _, words = text.partition(" ")
    return bool(words) and (program in PROGRAMS or program.startswith(".venv/bin/"))
