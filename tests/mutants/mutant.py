"""What a fault is, and how a list of them is written."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A fault. tests: the files of the project that are run first."""

    promise: int
    """The row of the generated SECURITY.md that it breaks; 0 for what the page does not promise."""
    name: str
    file: str
    old: str
    """Text that occurs once in the file."""
    new: str
    tests: tuple[str, ...]
    backend: str = "database"
    database: str = "sqlite"
    frontend: str = "html"
    identity: str = "username"
    totp: str = "no"
    passkeys: str = "no"
    oidc: str = "no"

    @property
    def stack(self) -> str:
        """The name of the project it is a fault of."""
        return "-".join(self.answers.values())

    @property
    def answers(self) -> Mapping[str, str]:
        """The answers that make this project."""
        return {
            "session_backend": self.backend,
            "database": self.database,
            "frontend": self.frontend,
            "identity": self.identity,
            "totp": self.totp,
            "passkeys": self.passkeys,
            "oidc": self.oidc,
        }

    def put_into(self, text: str) -> str:
        """Return the text of the file with the fault in it."""
        assert text.count(self.old) == 1, f"{self.name}: {self.file} has changed"
        return text.replace(self.old, self.new)


class At:
    """A file of a project, and the tests that are about it."""

    def __init__(
        self,
        file: str,
        *tests: str,
        backend: str = "database",
        database: str = "sqlite",
        frontend: str = "html",
        identity: str = "username",
        totp: str = "no",
        passkeys: str = "no",
        oidc: str = "no",
    ) -> None:
        self._file, self._tests = file, tests
        self._stack = (backend, database, frontend, identity, totp, passkeys, oidc)

    def faults(self, *rows: tuple[int, str, str, str]) -> list[Mutant]:
        """Return mutants of the file. A row: promise, name, old text, new text."""
        return [
            Mutant(promise, name, self._file, old, new, self._tests, *self._stack)
            for promise, name, old, new in rows
        ]
