"""What is logged, at which level, and how a line looks."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from uvicorn.logging import AccessFormatter, DefaultFormatter

from app import security_log
from app.config import ROOT, Settings
from app.logs import configure_logging, hide_tokens
from tests.cli import Run
from tests.client import Client
from tests.conftest import PRODUCTION, Start
from tests.people import ALICE
from tests.test_security_log import events

LOGGER = logging.getLogger("app.shop")
UVICORN = logging.getLogger("uvicorn.error")
ACCESS = logging.getLogger("uvicorn.access")


@contextmanager
def new_process() -> Iterator[None]:
    """Log as at the start of a process: without the handlers that pytest has added."""
    names = ("root", "app", "app.security", "uvicorn", "uvicorn.error", "uvicorn.access")
    loggers = [logging.getLogger(None if name == "root" else name) for name in names]
    before = [(each, each.handlers, each.level, each.propagate) for each in loggers]
    for each in loggers:
        each.handlers, each.propagate = [], True
        each.setLevel("WARNING" if each.name == "root" else "NOTSET")
    try:
        yield
    finally:
        for each, handlers, level, propagate in before:
            each.handlers, each.propagate = handlers, propagate
            each.setLevel(level)


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines on standard error."""
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("Warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_log_level_is_the_level_of_your_code_and_security_events_are_always_written(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str], level: str, seen: list[str]
) -> None:
    with new_process():
        configure_logging(Settings.load(**settings, log_level=level))
        for name in ("debug", "info", "warning", "error"):
            LOGGER.log(getattr(logging, name.upper()), name)
        logging.getLogger("library").info("info of a library")
        security_log.event("session_created")
    *own, event = written(capsys)
    assert [line.split()[-1] for line in own] == seen
    assert json.loads(event)["event"] == "session_created"


def test_a_line_of_the_server_without_values_is_written_as_it_is() -> None:
    record = logging.makeLogRecord({"msg": "Started", "args": None})
    assert hide_tokens(record)
    assert record.getMessage() == "Started"


def test_what_opens_something_is_not_in_the_addresses_that_the_server_logs() -> None:
    query = "token=abc&x=1&code=def&state=ghi&barcode=4"
    record = logging.makeLogRecord({"msg": '"%s %s"', "args": ("GET", f"/reset?{query}")})
    assert hide_tokens(record)
    hidden = "token=...&x=1&code=...&state=...&barcode=4"
    assert record.getMessage() == f'"GET /reset?{hidden}"'


def test_a_line_says_when_what_and_where(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with new_process():
        configure_logging(Settings.load(**settings))
        LOGGER.info("%s is sold out", "tea")
    [line] = written(capsys)
    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO app\.shop \[-\] tea is sold out", line)


@pytest.mark.parametrize("on_terminal", [False, True])
def test_in_production_a_command_writes_lines_for_programs_but_not_on_a_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, on_terminal: bool
) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name.upper(), value)

    def warn(_: object) -> None:
        LOGGER.warning("tea is sold out")

    monkeypatch.setattr("app.cli.warn_about_misspelled_names", warn)
    with new_process():
        _, _, error = run("purge", on_terminal=on_terminal)
    [line] = error.splitlines()
    if on_terminal:
        assert line.endswith("WARNING app.shop [-] tea is sold out")
    else:
        assert json.loads(line)["message"] == "tea is sold out"


@pytest.mark.parametrize("production", [False, True])
def test_basic_config_doubles_nothing_whenever_it_is_called(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str], production: bool
) -> None:
    loaded = Settings.load(**{**settings, **(PRODUCTION if production else {})})
    for before in (True, False):
        with new_process():
            if before:
                logging.basicConfig(format="operator: %(message)s")
            configure_logging(loaded)
            logging.basicConfig(level="ERROR")
            configure_logging(loaded)
            LOGGER.info("tea is sold out")
            security_log.event("session_created")
        own, event = written(capsys)
        assert "tea is sold out" in own
        assert own.startswith("operator: ") == event.startswith("operator: ") == before
        assert json.loads(event.removeprefix("operator: "))["event"] == "session_created"


@pytest.mark.parametrize("production", [False, True])
def test_uvicorn_writes_its_lines_once_and_in_production_as_json(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str], production: bool
) -> None:
    with new_process():
        for logger, formatter in (
            (logging.getLogger("uvicorn"), DefaultFormatter("%(message)s")),
            (ACCESS, AccessFormatter('%(client_addr)s "%(request_line)s" %(status_code)s')),
        ):
            handler = logging.StreamHandler()
            handler.setFormatter(formatter)
            logger.addHandler(handler)
        ACCESS.propagate = False
        configure_logging(Settings.load(**{**settings, **(PRODUCTION if production else {})}))
        UVICORN.warning("Waiting")
        ACCESS.warning('%s - "%s %s HTTP/%s" %d', "192.0.2.1:5", "GET", "/", "1.1", 200)
    lines = written(capsys)
    if production:
        messages = [json.loads(line)["message"] for line in lines]
        assert messages == ["Waiting", '192.0.2.1:5 - "GET / HTTP/1.1" 200']
    else:
        assert lines == ["Waiting", '192.0.2.1:5 "GET / HTTP/1.1" 200 OK']


def test_a_format_that_the_operator_has_chosen_for_uvicorn_stays(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with new_process():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("operator: %(message)s"))
        logging.getLogger("uvicorn").addHandler(handler)
        configure_logging(Settings.load(**{**settings, **PRODUCTION}))
        UVICORN.warning("Waiting")
        security_log.event("session_created")
    line, event = written(capsys)
    assert line == "operator: Waiting"
    assert json.loads(event)["event"] == "session_created"


def test_the_lines_of_a_server_without_handlers_are_written(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with new_process():
        configure_logging(Settings.load(**{**settings, **PRODUCTION}))
        UVICORN.warning("Waiting")
    [line] = written(capsys)
    assert json.loads(line)["message"] == "Waiting"


FORGED = "x\n00:00:00 INFO app.shop [-] paid\r\u2028\x1b[2J\x00{}"


def fail() -> None:
    raise ValueError(FORGED)


def log_forged_values() -> None:
    LOGGER.info("Somebody buys %s", FORGED)
    try:
        fail()
    except ValueError:
        LOGGER.exception("It failed")


def test_no_value_can_forge_a_line_for_people(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with new_process():
        configure_logging(Settings.load(**settings))
        log_forged_values()
    lines = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert [line.split()[-1] for line in lines if not line.startswith("    ")] == [
        r"paid\r\u2028\x1b[2J\x00{}",
        "failed",
    ]
    assert lines[2].strip() == "Traceback (most recent call last):"
    assert all(line.isprintable() for line in lines)


def test_no_value_can_forge_a_line_in_production(
    settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with new_process():
        configure_logging(Settings.load(**{**settings, **PRODUCTION}))
        log_forged_values()
    bought, failed = map(json.loads, capsys.readouterr().err.removesuffix("\n").split("\n"))
    assert bought["message"] == f"Somebody buys {FORGED}"
    assert (bought["level"], bought["logger"]) == ("INFO", "app.shop")
    assert bought["datetime"].endswith("+00:00")
    assert "exception" not in bought
    assert failed["message"] == "It failed"
    assert failed["exception"].startswith("Traceback (most recent call last):")
    assert failed["exception"].endswith(f"ValueError: {FORGED}")


async def test_each_request_has_an_id_that_the_client_cannot_choose(client: Client) -> None:
    chosen = "0123456789abcdef"
    responses = [await client.get("/test/public", headers={"x-request-id": chosen})]
    responses.append(await client.get("/nowhere"))
    responses.append(await client.post("/api/logout", headers={"sec-fetch-site": "cross-site"}))
    responses.append(await client.get("/test/public", headers={"host": "evil.example"}))
    ids = [response.headers["x-request-id"] for response in responses]
    assert len({chosen, *ids}) == 5
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)


async def test_a_security_event_names_the_request(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    responses = [await client.sign_in(ALICE, "not the right password") for _ in range(2)]
    ids = [response.headers["x-request-id"] for response in responses]
    assert [each["request"] for each in events(caplog)] == ids


async def test_a_front_end_on_another_site_can_read_the_id(start: Start) -> None:
    app = await start(trusted_origins="https://front.example")
    response = await Client(app).get("/test/public", headers={"origin": "https://front.example"})
    assert "X-Request-ID" in response.headers["access-control-expose-headers"].split(", ")


# What an owner adds, and runs with uvicorn.
SHOP = """
import logging

from app import security_log
from app.main import app
from app.web.dependencies import public

LOGGER = logging.getLogger("app.shop")


@app.get("/buy")
@public
async def buy() -> None:
    LOGGER.info("tea is sold out")
    security_log.event("sold_out")


@app.get("/broken")
@public
async def broken() -> None:
    raise ValueError("first\\nsecond")
"""


class Served:
    """The app under uvicorn, with a shop, for as long as the block lasts.

    It is a copy, so that it finds no ``.env``.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], *options: str) -> None:
        shutil.copytree(ROOT / "app", folder / "app")
        (folder / "shop.py").write_text(SHOP, "utf-8")
        variables = {name.upper(): value for name, value in settings.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "shop:app", "--port", "0", *options],
            cwd=folder,
            env={**os.environ, **variables, "FORWARDED_ALLOW_IPS": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def __enter__(self) -> "Served":
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line)
            if running := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                self.url = running[1]
                return self
        raise AssertionError("".join(self.lines))

    def get(self, path: str) -> str:
        """Request a path through a proxy; return the id of the request."""
        headers = {"host": "localhost", "x-forwarded-proto": "https"}
        response = httpx2.get(self.url + path, headers=headers)
        return response.headers["x-request-id"]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self.lines += self._process.communicate()[0].splitlines()


def test_in_production_every_line_of_the_server_is_json(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    with Served(tmp_path / "copy", {**settings, **PRODUCTION}) as server:
        sold_out, failed = server.get("/buy"), server.get("/broken")
    lines = [json.loads(line) for line in server.lines]
    by_request = {
        each: [line for line in lines if line.get("request") == each] for each in (sold_out, failed)
    }
    # Standard output and standard error are two streams.
    named = {line.get("logger", "app.security"): line for line in by_request[sold_out]}
    assert {"app.security", "app.shop"} <= named.keys()
    assert named["app.shop"]["message"] == "tea is sold out"
    assert named["app.security"]["event"] == "sold_out"
    [access] = [line for line in lines if '"GET /buy HTTP/1.1" 200' in line.get("message", "")]
    # Middleware of yours that is outside of SecurityMiddleware responds without an id.
    assert access.get("request", sold_out) == sold_out
    [error] = [line for line in lines if "exception" in line]
    assert error["logger"] == "uvicorn.error"
    assert error.get("request", failed) == failed
    assert error["exception"].endswith("ValueError: first\nsecond")
    for secret in (settings["secret_keys"], settings["database_url"]):
        assert secret not in "".join(server.lines)


def test_with_log_config_the_handlers_of_the_operator_write_every_line_once(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    config = {
        "version": 1,
        "formatters": {"plain": {"format": "operator: %(message)s"}},
        "handlers": {"all": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["all"], "level": "WARNING"},
        "loggers": {"uvicorn": {"level": "INFO"}},
    }
    path = tmp_path / "log.json"
    path.write_text(json.dumps(config), "utf-8")
    variables = {**settings, **PRODUCTION, "log_level": "error"}
    with Served(tmp_path / "copy", variables, "--log-config", str(path)) as server:
        server.get("/buy")
    assert all(line.startswith("operator: ") for line in server.lines)
    said = "\n".join(server.lines)
    assert said.count('"event": "sold_out"') == 1
    assert said.count('"GET /buy HTTP/1.1" 200') == 1
    assert "tea is sold out" not in said
