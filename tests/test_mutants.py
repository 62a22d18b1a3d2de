"""The generated tests catch faults: none that someone might introduce goes unnoticed."""

import ast
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import Bake, LeaveOut
from tests.mutants import MUTANTS, sample
from tests.mutants.mutant import Mutant
from tests.project import Project
from tools.mutants import Stage

# Of so many every run of the tests makes sure; ``make mutants`` of all.
SAMPLE = 4

# A row of the generated SECURITY.md, and the test files that it names.
PROMISE = re.compile(r"^\| (?P<number>\d+) \|.*$", re.MULTILINE)
TEST_FILE = re.compile(r"\]\((tests/[\w/]+\.py)\)")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_can_be_put_into_the_project_it_is_for(bake_once: Bake, mutant: Mutant) -> None:
    project = bake_once(**mutant.answers)
    text = mutant.put_into(project.read(mutant.file))
    if mutant.file.endswith(".py"):
        ast.parse(text)
    assert mutant.old != mutant.new
    assert project.files.issuperset(mutant.tests)


def test_none_is_listed_twice() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    changes = {(mutant.stack, mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}
    assert len(changes) == len(MUTANTS)


def test_each_promise_is_broken_by_one_that_its_own_tests_catch(bake_once: Bake) -> None:
    promises: set[int] = set()
    broken: set[int] = set()
    for answers in {mutant.stack: mutant.answers for mutant in MUTANTS}.values():
        page = bake_once(**answers).read("SECURITY.md")
        found = PROMISE.finditer(page)
        rows = {int(row["number"]): set(TEST_FILE.findall(row[0])) for row in found}
        promises |= rows.keys()
        for mutant in MUTANTS:
            if mutant.answers == answers and mutant.promise:
                assert mutant.promise in rows, mutant.name
                if not rows[mutant.promise].isdisjoint(mutant.tests):
                    broken.add(mutant.promise)
    assert promises >= set(range(1, 49))
    assert promises == broken


def test_each_has_its_turn() -> None:
    today = date.today().toordinal()
    days = range(today, today + len(MUTANTS) // SAMPLE + 1)
    assert {mutant for day in days for mutant in sample(day, SAMPLE)} == set(MUTANTS)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SAMPLE))
def test_the_tests_of_the_project_notice_those_of_the_day(
    bake_once: Bake,
    environment_of: Callable[[Project], Path],
    leave_out: LeaveOut,
    number: int,
) -> None:
    mutant = sample(date.today().toordinal(), SAMPLE)[number]
    project = bake_once(**mutant.answers)
    test = Stage(project, environment_of(project)).killer(mutant)
    assert test, f"nothing notices it when {mutant.name}"
    leave_out(f"{len(MUTANTS) - SAMPLE} of {len(MUTANTS)} mutants: make mutants")
