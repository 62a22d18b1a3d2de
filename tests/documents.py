"""What a document contains: links, code spans, blocks of commands."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

_BLOCK = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`((?:[^`\n]|\n(?!\n))+)`(?!`)")
_LINK = re.compile(r"\[((?:[^\[\]]|`[^`]*`)+)\]\(([^()\s]+)\)")
_PICTURE = re.compile(r"(?:src|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_TABLE = re.compile(r"(?:^\|.*\|\n)+", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    """A link to a file in the repository."""

    text: str
    path: Path
    anchor: str


@dataclass(frozen=True)
class Document:
    """A page of Markdown."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def prose(self) -> str:
        """Everything outside of blocks."""
        return _BLOCK.sub("", self.text)

    def blocks(self, kind: str) -> list[str]:
        """Return the blocks that are marked as a kind, in their order."""
        return [text for each, text in _BLOCK.findall(self.text) if each == kind]

    @property
    def scripts(self) -> list[list[str]]:
        """The blocks of commands, one command a line."""
        return [[line.strip() for line in block.splitlines()] for block in self.blocks("sh")]

    @property
    def spans(self) -> list[str]:
        """What is written as code in sentences and tables."""
        return [" ".join(span.split()) for span in _SPAN.findall(self.prose)]

    @property
    def commands(self) -> list[str]:
        """Every command in a block, and every code span, which may be one."""
        return [*self.spans, *(command for script in self.scripts for command in script)]

    @property
    def tables(self) -> list[list[list[str]]]:
        """The tables: rows of cells, the header first."""
        tables = [
            [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
            for table in _TABLE.findall(self.prose)
        ]
        return [[header, *rows] for header, _, *rows in tables]

    @property
    def links(self) -> list[Link]:
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
        """The anchors of its headings, as GitHub and GitLab derive them."""
        plain = (re.sub(r"[^\w\- ]", "", each.lower()) for each in _HEADING.findall(self.prose))
        return {each.replace(" ", "-") for each in plain}
