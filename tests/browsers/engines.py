"""The browsers: Chromium always, and Firefox where it is installed."""

import json
import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Playwright

from tests.browsers.sites import HOSTS
from tests.waiting import PATIENCE_SECONDS

# As Playwright counts: in milliseconds.
PATIENCE = PATIENCE_SECONDS * 1000

CHROMIUM = Path("/usr/bin/chromium")
FIREFOX = Path("/usr/bin/firefox-esr")

ENGINES = ("chromium", "firefox")

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]

# What a browser does with cookies of other sites than the page's. By default, Debian's Chromium
# blocks them, and Firefox keeps a jar for each site that is visited.
Cookies = Literal["allowed", "default", "blocked"]
CHROMIUM_COOKIES: dict[Cookies, dict[str, object]] = {
    "allowed": {"profile": {"cookie_controls_mode": 0}},
    "default": {},
    "blocked": {"profile": {"cookie_controls_mode": 1}},
}
# Playwright has changed the default.
FIREFOX_COOKIES: dict[Cookies, int] = {"allowed": 0, "default": 5, "blocked": 1}
FIREFOX_PREFERENCES: dict[str, str | float | bool] = {"network.dns.localDomains": ",".join(HOSTS)}


def require(engine: str) -> None:
    """Skip the test when a browser is not installed; without Chromium, fail where all must run."""
    if engine == "firefox" and not FIREFOX.exists():
        pytest.skip("Firefox is not installed: apt-get install firefox-esr")
    if engine == "chromium" and not CHROMIUM.exists():
        reason = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def open_profile(
    playwright: Playwright,
    engine: str,
    folder: Path,
    base_url: str | None = None,
    cookies: Cookies = "allowed",
) -> BrowserContext:
    """Start a browser that keeps what it knows in a folder; closing the context ends it.

    cookies: of other sites. Allowed, as they still are for many: what holds then, holds for all.
    """
    context = _launch(playwright, engine, folder, base_url, cookies)
    context.set_default_timeout(PATIENCE)
    return context


def _launch(
    playwright: Playwright, engine: str, folder: Path, base_url: str | None, cookies: Cookies
) -> BrowserContext:
    if engine == "firefox":
        return playwright.firefox.launch_persistent_context(
            folder,
            channel="moz-firefox",
            executable_path=FIREFOX,
            headless=True,
            base_url=base_url,
            ignore_https_errors=True,
            firefox_user_prefs={
                **FIREFOX_PREFERENCES,
                "network.cookie.cookieBehavior": FIREFOX_COOKIES[cookies],
            },
        )
    preferences = folder / "Default" / "Preferences"
    if not preferences.exists():
        preferences.parent.mkdir(parents=True)
        preferences.write_text(json.dumps(CHROMIUM_COOKIES[cookies]), encoding="utf-8")
    return playwright.chromium.launch_persistent_context(
        folder,
        executable_path=CHROMIUM,
        args=CHROMIUM_OPTIONS,
        headless=True,
        base_url=base_url,
        ignore_https_errors=True,
    )
