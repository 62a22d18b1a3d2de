"""The generated tests bite: of the faults that somebody may bring in, none goes unnoticed."""

import ast
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.mutants import MUTANTS, Mutant, sample
from tests.project import Project
from tools.mutants import Stage

# Of so many every run of the tests makes sure; ``make mutants`` of all.
SAMPLE = 6


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_can_be_put_into_the_project_it_is_for(bake_once: Bake, mutant: Mutant) -> None:
    project = bake_once(**mutant.answers)
    ast.parse(mutant.put_into(project.read(mutant.file)))
    assert mutant.old != mutant.new
    assert project.files.issuperset(mutant.tests)


def test_they_are_many_and_none_is_listed_twice() -> None:
    assert len(MUTANTS) >= 40
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_each_has_its_turn() -> None:
    today = date.today().toordinal()
    days = range(today, today + len(MUTANTS) // SAMPLE + 1)
    assert {mutant for day in days for mutant in sample(day, SAMPLE)} == set(MUTANTS)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SAMPLE))
def test_the_tests_of_the_project_notice_those_of_the_day(
    bake_once: Bake, environment_of: Callable[[Project], Path], number: int
) -> None:
    mutant = sample(date.today().toordinal(), SAMPLE)[number]
    project = bake_once(**mutant.answers)
    test = Stage(project, environment_of(project)).killer(mutant)
    assert test, f"nothing notices it when {mutant.name}"
