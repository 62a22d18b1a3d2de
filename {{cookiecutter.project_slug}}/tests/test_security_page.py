"""SECURITY.md says what is true."""

import importlib
import re

from app.config import ROOT, Settings

PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
PROMISES = 48

_ROW = re.compile(r"^\| (\d+) \| .* \| .* \| (.*) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_SETTING = re.compile(r"^\| `([A-Z_]+)` \| (\d+) \|", re.MULTILINE)
_CONSTANT = re.compile(r"^\| `(app[a-z._]*)\.([A-Z_]+)` \| (\d+) \|", re.MULTILINE)


def test_every_promise_names_a_test_that_is_there() -> None:
    rows = _ROW.findall(PAGE)
    assert [int(number) for number, _ in rows] == list(range(1, PROMISES + 1))
    for number, tests in rows:
        links = _LINK.findall(tests)
        assert links, f"promise {number} names no test"
        for sentence, path in links:
            name = "test_" + sentence.replace(" ", "_")
            code = (ROOT / path).read_text("utf-8")
            assert re.search(rf"def {name}\(", code), f"promise {number}: no {name} in {path}"


def test_every_link_leads_somewhere() -> None:
    for _, path in _LINK.findall(PAGE):
        assert (ROOT / path).is_file(), path


def test_every_figure_is_the_one_in_force() -> None:
    settings = _SETTING.findall(PAGE)
    assert len(settings) == 7
    for name, value in settings:
        assert Settings.model_fields[name.lower()].default == int(value), name
    constants = _CONSTANT.findall(PAGE)
    assert len(constants) > 10
    for module, name, value in constants:
        assert getattr(importlib.import_module(module), name) == int(value), f"{module}.{name}"


def test_every_event_that_is_logged_is_explained_and_no_other() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "app").rglob("*.py"))
    written = re.findall(r"security_log\.event\(\s*\"(\w+)\"", code)
    passed_on = re.findall(r"\"(authn_\w+)\"", code)
    [table] = re.findall(r"^\| event \| when \|$(.*?)^$", PAGE, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(\w+)`", table)) == {*written, *passed_on}
