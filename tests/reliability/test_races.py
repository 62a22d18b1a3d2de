"""Two requests at once, in every order of their steps at the stores."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.answers import CHOICES
from tests.conftest import Bake
from tests.ledger import Ledger

INTERLEAVING = Path(__file__).parent / "probes" / "interleaving.py"

GUESSES = 40
MAX_FAILURES = 5

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("session_backend", "database"),
    [*((backend, "sqlite") for backend in CHOICES["session_backend"]), ("database", "postgresql")],
)
def test_no_order_of_two_requests_loses_a_write_or_brings_a_session_back(
    ready: Bake, ledger: Ledger, soak: bool, session_backend: str, database: str
) -> None:
    project = ready(session_backend=session_backend, database=database)
    with project.stores() as variables:
        told = project.run(
            *(".venv/bin/python", str(INTERLEAVING)),
            *(session_backend, "2" if soak else "1"),
            variables={**variables, "PYTHONPATH": ".", "LOGIN_MAX_FAILURES": "1000"},
        ).stdout
    pairs = [json.loads(line) for line in told.splitlines() if line.startswith('{"pair"')]
    faults = {pair["pair"]: pair["faults"] for pair in pairs if pair["faults"]}
    assert not faults
    # Nine kinds of requests, each with each and with itself, and two who ask for one name.
    assert len(pairs) == 9 * 10 / 2 + 1
    orders = sum(pair["orders"] for pair in pairs)
    ledger.note(
        "Races",
        "pairs of requests, in all orders of their steps in which the turn changes "
        f"{'twice' if soak else 'once'} at most before one has ended",
        backend=f"{session_backend}, {database}",
        times=orders,
        lost=len(faults),
        seen=f"{len(pairs)} pairs",
    )


@pytest.mark.parametrize("database", CHOICES["database"])
def test_guesses_at_once_count_as_many_as_they_are(
    ready: Bake, ledger: Ledger, database: str
) -> None:
    project = ready(database=database)
    account = {"username": "alice", "password": "correct horse battery staple"}
    with (
        project.stores() as variables,
        project.serving(
            workers=2, variables={**variables, "LOGIN_MAX_FAILURES": str(MAX_FAILURES)}
        ) as server,
    ):
        assert server.send("POST", "/api/register", json=account).status_code == 201
        wrong = {**account, "password": "not this one, nor any other"}

        def guess(_: int) -> int:
            # Each on a connection of its own, or one worker would get them all.
            return server.send("POST", "/api/login", json=wrong).status_code

        with ThreadPoolExecutor(GUESSES) as crowd:
            answers = list(crowd.map(guess, range(GUESSES)))
    # A guess that waits too long for the database is told so, and was not looked at.
    assert set(answers) <= {401, 429, 503}
    assert answers.count(401) <= MAX_FAILURES
    ledger.note(
        "Races",
        "wrong passwords at once, from one address, at two workers",
        backend=f"database, {database}",
        times=GUESSES,
        seen=f"{answers.count(401)} were looked at, of {MAX_FAILURES} that may be",
    )
