"""The command that takes second factors away."""

from tests.cli import Run
from tests.client import PASSWORD
from tests.people import ALICE, BOB


def test_the_command_that_takes_factors_away_says_so(run: Run) -> None:
    run("create-user", ALICE, "--password-stdin", typed=PASSWORD)
    said = f"Removed {ALICE}'s second factors and ended all sessions.\n"
    assert run("reset-factors", ALICE)[:2] == (0, said)
    status, _, error = run("reset-factors", BOB)
    assert status == 1
    assert BOB in error
