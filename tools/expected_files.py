"""Write down which files each choice brings: ``python -m tools.expected_files``.

Bakes every combination of the tests, and writes ``tests/expected_files.txt``: a line for each file,
with the condition under which a project holds it. Review what Git says has changed: the tests
compare projects with this list, so that a file cannot come or go unnoticed.
"""

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests import baking
from tests.answers import CHOICES, PRODUCT
from tests.expected_files import PATH, is_expected

Answers = Mapping[str, str]


def condition(name: str, having: Sequence[Answers], among: Sequence[Answers]) -> str:
    """Return the shortest condition that these of all combinations meet; empty for all of them.

    name: of the file that they have. Raises ValueError when neither clauses of which all hold nor
    conditions of which one does say it.
    """

    def says(text: str) -> bool:
        return [each for each in among if is_expected(text, each)] == having

    if says(""):
        return ""
    found = {key: {each[key] for each in having} for key in CHOICES}
    clauses = [
        _clause(key, values) for key, values in found.items() if len(values) < len(CHOICES[key])
    ]
    # A clause that follows from the others says nothing.
    for count in range(1, len(clauses) + 1):
        for some in itertools.combinations(clauses, count):
            if says("+".join(sorted(some))):
                return "+".join(sorted(some))
    for one in _clauses():
        # It is enough, and among the others a condition says the rest.
        others = [each for each in among if not is_expected(one, each)]
        rest = [each for each in having if each in others]
        if len(having) - len(rest) == len(among) - len(others) > 0:
            with suppress(ValueError):
                return f"{one}_or_{condition(name, rest, others)}"
    for one in clauses:
        # All of them need it, so it belongs to each condition that says the rest.
        others = [each for each in among if is_expected(one, each)]
        with suppress(ValueError):
            said = condition(name, having, others) if len(others) < len(among) else ""
            if said:
                either = ("+".join(sorted((one, each))) for each in said.split("_or_"))
                return "_or_".join(either)
    raise ValueError(f"no condition says which projects have {name}")


def _clauses() -> Iterator[str]:
    """Yield every clause, those first that say most, and then two answers at once."""
    for count in range(max(map(len, CHOICES.values())), 0, -1):
        for key in sorted(CHOICES):
            if count < len(CHOICES[key]):
                for values in itertools.combinations(CHOICES[key], count):
                    yield _clause(key, values)
    answers = [_clause(key, (value,)) for key in sorted(CHOICES) for value in CHOICES[key]]
    for pair in itertools.combinations(answers, 2):
        yield "+".join(pair)


def _clause(key: str, values: Iterable[str]) -> str:
    return f"{key}-{','.join(value for value in CHOICES[key] if value in values)}"


def lines(files: Sequence[tuple[Answers, set[str]]]) -> list[str]:
    """Return a line for each file of these projects, sorted by path."""
    among = [answers for answers, _ in files]
    every = sorted(set().union(*(names for _, names in files)))
    found = []
    for name in every:
        text = condition(name, [answers for answers, names in files if name in names], among)
        found.append(f"{name}  {text}".rstrip())
    return found


def main() -> None:
    """Bake, and write the list."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = baking.configure(folder)
        files = []
        for number, answers in enumerate(PRODUCT):
            (folder / str(number)).mkdir()
            files.append((answers, baking.bake(folder / str(number), config, answers).files))
    PATH.write_text("\n".join([*lines(files), ""]), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
