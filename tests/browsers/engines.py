"""The browsers: Chromium always, and Firefox where it is installed."""

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Playwright

from tests.browsers.sites import HOSTS

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

# Cookies go out to other sites, as they still do for many: what holds then, holds for all.
CHROMIUM_PREFERENCES = {"profile": {"cookie_controls_mode": 0}}
FIREFOX_PREFERENCES: dict[str, str | float | bool] = {
    "network.cookie.cookieBehavior": 0,
    "network.dns.localDomains": ",".join(HOSTS),
}


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
    playwright: Playwright, engine: str, folder: Path, base_url: str | None = None
) -> BrowserContext:
    """Start a browser that keeps what it knows in a folder; closing the context ends it."""
    if engine == "firefox":
        return playwright.firefox.launch_persistent_context(
            folder,
            channel="moz-firefox",
            executable_path=FIREFOX,
            headless=True,
            base_url=base_url,
            firefox_user_prefs=FIREFOX_PREFERENCES,
        )
    preferences = folder / "Default" / "Preferences"
    if not preferences.exists():
        preferences.parent.mkdir(parents=True)
        preferences.write_text(json.dumps(CHROMIUM_PREFERENCES), encoding="utf-8")
    return playwright.chromium.launch_persistent_context(
        folder,
        executable_path=CHROMIUM,
        args=CHROMIUM_OPTIONS,
        headless=True,
        base_url=base_url,
    )
