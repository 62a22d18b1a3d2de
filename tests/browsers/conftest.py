"""Fixtures: both browsers, the apps and sites that tests share, and visits that are watched."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    WebError,
    expect,
    sync_playwright,
)

from tests import baking
from tests.answers import PLAIN
from tests.browsers import sites as other_origins
from tests.browsers.engines import ENGINES, PATIENCE, open_profile, require
from tests.browsers.people import MAX_FAILURES, App
from tests.browsers.providers import Provider, running_provider
from tests.browsers.sites import APP, FRONT_END, Certificates, Sites
from tests.project import Project, free_port

# Tests share what an app keeps its data in, and their address: the guesses that are counted there
# must not come to an end, for whichever app is started on it.
SHARED = {"LOGIN_MAX_FAILURES": str(MAX_FAILURES)}

# Typing, the test may be faster than the browser is at giving the focus to the first field.
HARMLESS = (
    "Autofocus processing was blocked because a document already has a focused element.",
    # Asked for by browsers, now and then, when they show an answer of the API as a page.
    "/favicon.ico)",
    # A test may leave a page while it connects: Chromium notes this, and Firefox that.
    "WebSocket is closed before the connection is established.",
    "was interrupted while the page was loading.",
)

Serve = Callable[..., App]
Answers = tuple[tuple[str, str], ...]
# A project, and the settings that lead to what it keeps its data in.
Stored = tuple[Project, dict[str, str]]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    # A busy machine is no reason to fail; Playwright itself gives up after five seconds.
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of a browser; a test that asks for it runs in each."""
    name: str = request.param
    require(name)
    return name


@pytest.fixture(scope="session")
def browser(playwright: Playwright, engine: str) -> Iterator[Browser]:
    """Start a browser, for tests to open contexts of their own in."""
    with tempfile.TemporaryDirectory() as folder:
        profile = open_profile(playwright, engine, Path(folder))
        assert profile.browser is not None
        yield profile.browser
        profile.close()


class Complaints:
    """What pages complain of.

    That is every message on the console, every error of a script and everything that the content
    security policy has blocked.
    """

    def __init__(self) -> None:
        self._allowed = [*HARMLESS]
        self._heard: list[str] = []

    def of(self, context: BrowserContext) -> BrowserContext:
        """Listen to a context; return it."""

        def said(message: ConsoleMessage) -> None:
            address = message.page.url if message.page else ""
            self._heard.append(f"{address}: {message.text} ({message.location['url']})")

        def raised(error: WebError) -> None:
            address = error.page.url if error.page else ""
            self._heard.append(f"{address}: {error.error}")

        context.on("console", said)
        context.on("weberror", raised)
        return context

    def allow(self, *parts: str) -> None:
        """Expect complaints that hold one of these texts, or come from one of these addresses."""
        self._allowed += parts

    @property
    def unexpected(self) -> list[str]:
        return [
            complaint
            for complaint in self._heard
            if not any(part in complaint for part in self._allowed)
        ]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Listen to pages; at the end none may have complained of what was not expected."""
    complaints = Complaints()
    yield complaints
    assert complaints.unexpected == []


class Visits:
    """Opens contexts of a browser, for as long as a test lasts."""

    def __init__(self, browser: Browser, complaints: Complaints, stack: ExitStack) -> None:
        self._browser = browser
        self._complaints = complaints
        self._stack = stack

    def context(self, app: App, **options: Any) -> BrowserContext:
        """Open a context, in which the paths are the app's."""
        context = self._browser.new_context(
            base_url=app.origin, ignore_https_errors=True, **options
        )
        self._stack.enter_context(context)
        context.set_default_timeout(PATIENCE)
        # Left in place, it would garble cookies that Firefox sends from other contexts.
        self._stack.callback(context.unroute_all)
        return self._complaints.of(context)

    def page(self, app: App, **options: Any) -> Page:
        """Open a page in a context of its own."""
        return self.context(app, **options).new_page()


@pytest.fixture
def visits(browser: Browser, complaints: Complaints) -> Iterator[Visits]:
    """Open contexts and pages that are listened to."""
    with ExitStack() as stack:
        yield Visits(browser, complaints, stack)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def sites(certificates: Certificates) -> Iterator[Sites]:
    """Serve other origins than the app's."""
    with other_origins.serving(certificates) as sites:
        yield sites


@pytest.fixture(scope="session")
def stored(
    cookiecutter_config: Path, environment_of: Callable[[Project], Path]
) -> Iterator[Callable[..., Stored]]:
    """Bake a project and run its stores; the same answers give the same one.

    An app that is served with these settings shares its data with all others of the same answers.
    """
    baked: dict[Answers, Stored] = {}
    with tempfile.TemporaryDirectory() as root, ExitStack() as stack:

        def stored(**answers: str) -> Stored:
            key = tuple(sorted(answers.items()))
            if key not in baked:
                folder = Path(root) / str(len(baked))
                folder.mkdir()
                project = baking.bake(folder, cookiecutter_config, {**PLAIN, **answers})
                project.use(environment_of(project))
                baked[key] = project, {**stack.enter_context(project.stores()), **SHARED}
            return baked[key]

        yield stored


@pytest.fixture(scope="session")
def serve(stored: Callable[..., Stored], certificates: Certificates) -> Iterator[Serve]:
    """Serve an app on http://localhost; the same answers give the same one."""
    served: dict[Answers, App] = {}
    with ExitStack() as stack:

        def serve(**answers: str) -> App:
            key = tuple(sorted(answers.items()))
            if key not in served:
                project, stores = stored(**answers)
                port = free_port()
                # Where links in mails lead.
                variables = {**stores, "PUBLIC_URL": f"http://localhost:{port}"}
                server = stack.enter_context(project.serving(port=port, variables=variables))
                served[key] = App(server.url, server.url, certificates.trust)
            return served[key]

        yield serve


@pytest.fixture(scope="session")
def serve_in_production(
    stored: Callable[..., Stored], certificates: Certificates, sites: Sites
) -> Iterator[Serve]:
    """Serve an app on https://app.shop.test, with one of three policies for its cookie."""
    served: dict[tuple[str, bool, Answers], App] = {}
    with ExitStack() as stack:

        def serve(samesite: str, *, partitioned: bool = True, **answers: str) -> App:
            key = samesite, partitioned, tuple(sorted(answers.items()))
            if key not in served:
                project, stores = stored(**answers)
                variables = {
                    "ENVIRONMENT": "production",
                    "ALLOWED_HOSTS": f"{APP},localhost",
                    "PUBLIC_URL": f"https://{APP}",
                    "ALLOW_REGISTRATION": "true",
                    "SESSION_SAMESITE": samesite,
                    "SESSION_PARTITIONED": str(partitioned),
                    "TRUSTED_ORIGINS": sites.origin(FRONT_END),
                }
                server = stack.enter_context(
                    project.serving(
                        variables={**stores, **variables}, certificate=certificates.file
                    )
                )
                origin = server.url.replace("localhost", APP)
                served[key] = App(origin, server.url, certificates.trust)
            return served[key]

        yield serve


_numbers = count(1)


@pytest.fixture
def alice() -> str:
    """The name of a person whom no other test knows."""
    return f"alice{next(_numbers)}"


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """Run a provider of identities."""
    with running_provider() as provider:
        yield provider


def be_patient(project: Project) -> None:
    """Let an app wait longer for its provider: a busy machine is not a slow provider."""
    file, limit = "app/users/oidc.py", "\nPROVIDER_SECONDS = 5\n"
    text = project.read(file)
    assert limit in text
    patient = text.replace(limit, "\nPROVIDER_SECONDS = 120\n")
    (project.path / file).write_text(patient, encoding="utf-8")


@pytest.fixture(scope="session")
def serve_beside_provider(
    stored: Callable[..., Stored], certificates: Certificates, provider: Provider
) -> Iterator[Serve]:
    """Serve an app on http://localhost that the provider knows; the same answers give the same."""
    served: dict[Answers, App] = {}
    with ExitStack() as stack:

        def serve(**answers: str) -> App:
            key = tuple(sorted(answers.items()))
            if key not in served:
                project, stores = stored(oidc="yes", **answers)
                be_patient(project)
                port = free_port()
                origin = f"http://localhost:{port}"
                known = provider.settings_for(origin)
                variables = {**stores, **known, "PUBLIC_URL": origin}
                stack.enter_context(project.serving(port=port, variables=variables))
                served[key] = App(origin, origin, certificates.trust)
            return served[key]

        yield serve
