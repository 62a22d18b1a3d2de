"""The benchmarks calculate correctly, and still run."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import (
    growth,
    instructions,
    logins,
    machine,
    memory,
    pages,
    rows,
    shares,
    startup,
    storm,
    sweep,
)
from benchmarks.figures import Spread, ratio, spread, table
from benchmarks.plot import LABELS, plot
from benchmarks.report import BEGIN, END, Results, replace_table
from benchmarks.targets import FLAT, MAILING, MEMORY, OWN, PAGES, PEERS, REDIS, SQLITE, baked
from benchmarks.workbench import PEERS as PEERS_FOLDER
from tests import baking
from tests.conftest import LeaveOut
from tests.ledger import is_soak
from tests.project import REPOSITORY

SVG = "{http://www.w3.org/2000/svg}"
IMPORTTIME = """import time: self [us] | cumulative | imported package
import time:      1500 |       1500 |   pydantic.main
import time:       500 |       2000 | pydantic
import time:       700 |        700 | app.config
INFO: something else
"""


def test_a_share_is_a_part_of_the_whole() -> None:
    assert ratio(300, 400) == 0.75


def test_a_share_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        ratio(300, 0)


def test_a_spread_is_the_median_and_the_range_in_any_order() -> None:
    assert spread([7, 5, 9, 6]) == Spread(6.5, 5, 9)


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        spread([])


def test_a_table_shows_names_left_and_figures_right() -> None:
    assert table(("", "share"), [("memory", Spread(0.7, 0.65, 0.751))]) == (
        "|  | share |\n| --- | ---: |\n| memory | **0.70** (0.65–0.75) |\n"  # noqa: RUF001
    )


def test_a_row_that_does_not_fit_its_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="as long"):
        table(("", "share"), [("memory",)])


def test_a_plot_has_a_bar_each_as_long_as_its_share_and_tells_ours_apart() -> None:
    rows = [("ours", Spread(0.8, 0.7, 0.9), True), ("<theirs>", Spread(0.4, 0.3, 0.5), False)]
    picture = ElementTree.fromstring(plot("a & b", rows))
    assert picture.findtext(f"{SVG}title") == "a & b"
    ours, theirs = picture.findall(f"{SVG}rect")
    assert (ours.get("class"), theirs.get("class")) == ("own", "peer")
    assert float(ours.attrib["width"]) == pytest.approx(2 * float(theirs.attrib["width"]))
    texts = [text.text for text in picture.findall(f"{SVG}text")]
    assert {"ours", "<theirs>", "0.80", "0.40"} <= set(texts)
    low, high = (
        float(line.attrib[x])
        for line in picture.findall(f"{SVG}line[@class='range']")[:1]
        for x in ("x1", "x2")
    )
    assert low < LABELS + float(ours.attrib["width"]) < high


def test_a_plot_can_be_read_on_a_dark_page_as_well() -> None:
    assert "@media (prefers-color-scheme: dark)" in plot("", [])


def test_the_table_in_the_readme_is_replaced_and_nothing_else() -> None:
    readme = f"before\n{BEGIN}old\n{END}after\n"
    assert replace_table(readme, "new\n") == f"before\n{BEGIN}\nnew\n\n{END}after\n"
    with pytest.raises(ValueError, match="no place"):
        replace_table("before\nafter\n", "new\n")


def test_the_readme_has_a_place_for_the_table() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    assert "new" in replace_table(readme, "new")


def test_only_what_was_measured_is_shown() -> None:
    found = Results(shares={("memory", "session"): Spread(0.7, 0.7, 0.7)})
    assert len(found.sections) == 1
    assert "memory" in str(found)


def test_importing_is_counted_by_package() -> None:
    assert startup.by_package(IMPORTTIME) == [("pydantic", 2.0), ("app", 0.7)]


def test_a_baked_project_shows_which_servers_it_needs(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("asyncpg==0.32.0\nhiredis==3.5.0\n", "utf-8")
    project = baked(tmp_path)
    assert project.answers["database"] == "postgresql"
    assert project.answers["session_backend"] != "redis"


def test_instructions_are_shown_beyond_those_of_the_bare_route() -> None:
    counted = instructions.Instructions(MEMORY, MEMORY.readings[0], own=600_000, bare=470_000)
    row = "| memory: `/api/session` | 600,000 | 470,000 | **130,000** |"
    assert row in str(Results(instructions=[counted]))


def test_the_instructions_are_those_of_the_summary() -> None:
    assert instructions.total("totals: 3\nevents: Ir\nsummary: 123456\n") == 123456


def test_a_forged_cookie_has_the_form_of_a_real_one() -> None:
    cookie = "__Host-Http-my-app-session=" + "a" * 43 + ".Ab3" + "c" * 40
    forged = shares.forge(cookie)
    assert forged != cookie
    assert len(forged) == len(cookie)
    assert forged.startswith(cookie[:-8])


def test_every_peer_has_an_app_and_pins_for_all_that_it_asks_for() -> None:
    for peer in PEERS:
        assert (PEERS_FOLDER / f"with_{peer.library}.py").exists(), peer
        asked = (PEERS_FOLDER / f"{peer.library}.in").read_text("utf-8").split()
        pins = (PEERS_FOLDER / f"{peer.library}.txt").read_text("utf-8")
        for name in (line.partition("[")[0] for line in asked):
            assert re.search(rf"^{name}==", pins, re.MULTILINE), name


def test_all_bare_routes_run_on_the_same_server_and_framework() -> None:
    for library in {peer.library for peer in PEERS}:
        pins = (PEERS_FOLDER / f"{library}.txt").read_text("utf-8")
        own = next(REPOSITORY.glob("*cookiecutter*/requirements.txt")).read_text("utf-8")
        for name in ("fastapi", "starlette", "uvicorn", "uvloop", "httptools"):
            [pinned] = re.findall(rf"^{name}==\S+", pins, re.MULTILINE)
            assert pinned in own.splitlines() or f"{pinned} ;" in own, library


@pytest.fixture
def programs() -> None:
    try:
        machine.check()
    except machine.Missing as missing:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.mark.slow
@pytest.mark.usefixtures("programs")
def test_the_shares_of_one_of_ours_and_of_a_peer_can_be_measured(tmp_path: Path) -> None:
    targets = (MEMORY, FLAT, PEERS[1])
    measured = shares.measure(targets, rounds=1)
    expected = {(each.name, reading.name) for each in targets for reading in each.readings}
    assert set(measured) == expected
    assert all(each.median > 0 for each in measured.values())
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "README.md").write_text(BEGIN + END, encoding="utf-8")
    Results(["a machine"], measured).write(tmp_path)
    text = (tmp_path / "benchmarks" / "results.md").read_text("utf-8")
    assert "a machine" in text
    assert "| **memory** | **" in text
    ElementTree.parse(tmp_path / "benchmarks" / "results.svg")


def measure_instructions(folder: Path) -> Results:
    project = baking.bake(folder, baking.configure(folder), MEMORY.answers)
    return Results(instructions=instructions.measure([baked(project.path), FLAT], requests=5))


# What makes the smallest results of each kind, in a folder of its own.
MEASURES: dict[str, Callable[[Path], Results]] = {
    "growth": lambda _: Results(growth=growth.measure([REDIS], rounds=1, few=10, many=2_000)),
    "rows": lambda _: Results(rows=rows.measure([MAILING[0]], rounds=1, few=1_000, many=2_000)),
    "sweep": lambda _: Results(sweep=sweep.measure([SQLITE], expired=1_000, seconds=3)),
    "logins": lambda _: Results(logins=logins.measure([SQLITE], seconds=3)),
    "startup": lambda _: Results(startup=startup.measure([MEMORY], rounds=1)),
    "storm": lambda _: Results(storm=storm.measure([SQLITE], seconds=3)),
    "pages": lambda _: Results(pages=pages.measure([PAGES], rounds=1)),
    "memory": lambda _: Results(memory=memory.measure([MEMORY], few=1, many=1)),
    "instructions": measure_instructions,
}


@pytest.mark.slow
@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("kind", MEASURES if is_soak() else ["startup"])
def test_whatever_else_is_measured_can_be(tmp_path: Path, leave_out: LeaveOut, kind: str) -> None:
    results = MEASURES[kind](tmp_path)
    assert len(results.sections) == 1
    assert all(each.size > 100 for each in results.growth)
    for counted in results.instructions:
        assert counted.own > counted.bare >= 0
    assert {each.name for each in OWN} >= {each.target.name for each in results.growth}
    if not is_soak():
        leave_out("whether all else can be measured: SOAK=1")
