"""SECURITY.md says what is true, however it is worded."""

import importlib
import re

from app.config import ROOT, Settings

PAGE = (ROOT / "SECURITY.md").read_text("utf-8")

# A row begins with a number, and its last cell links to tests.
_PROMISE = re.compile(r"^\| (\d+) \|.*\| ([^|]*) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^):]+)\)")
_SETTING = re.compile(r"^\| `([A-Z_]+)` \| ([\d,]+) \|", re.MULTILINE)
_CONSTANT = re.compile(r"^\| `(app[a-z._]*)\.([A-Z_]+)` \| ([\d,]+) \|", re.MULTILINE)
_EVENTS = re.compile(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", re.MULTILINE)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_promise_names_a_test_that_exists() -> None:
    rows = _PROMISE.findall(PAGE)
    assert len(rows) > 40
    assert len({promise for promise, _ in rows}) == len(rows)
    missing = []
    for promise, tests in rows:
        links = _LINK.findall(tests)
        assert links, f"promise {promise} names no test"
        for sentence, path in links:
            name = "test_" + sentence.replace(" ", "_")
            file = ROOT / path
            if not file.is_file() or f"def {name}(" not in file.read_text("utf-8"):
                missing.append(f"promise {promise}: no {name} in {path}")
    assert missing == []


def test_every_link_leads_to_a_file() -> None:
    links = _LINK.findall(PAGE)
    assert len(links) > 40
    assert [path for _, path in links if not (ROOT / path).is_file()] == []


def test_every_figure_is_the_one_in_force() -> None:
    settings = _SETTING.findall(PAGE)
    assert len(settings) >= 7
    for name, figure in settings:
        assert Settings.model_fields[name.lower()].default == number(figure), name
    constants = _CONSTANT.findall(PAGE)
    assert len(constants) > 10
    for module, name, figure in constants:
        in_force = getattr(importlib.import_module(module), name)
        assert in_force == number(figure), f"{module}.{name}"


def test_every_event_that_is_logged_is_explained_and_no_other() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "app").rglob("*.py"))
    logged = re.findall(r"security_log\.event\(\s*\"(\w+)\"", code)
    passed_on = re.findall(r"\"(authn_\w+)\"", code)
    assert len(logged) > 10
    explained = re.findall(r"`(\w+)`", " ".join(_EVENTS.findall(PAGE)))
    assert sorted(explained) == sorted({*logged, *passed_on})
