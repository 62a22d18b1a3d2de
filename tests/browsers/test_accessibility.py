"""Every page in every state, looked over by axe-core, light and dark, wide and narrow."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browsers.conftest import Complaints, Serve, Stored, Visits
from tests.browsers.people import PASSWORD, App, fill_in, sign_in
from tests.browsers.sites import STRANGER, Sites

pytestmark = pytest.mark.slow

# WCAG 2.0 to 2.2, levels A and AA, and what axe-core advises beyond.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": RULES, "resultTypes": ["violations", "incomplete"]}

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


def check(page: Page, state: str) -> None:
    """See that nothing is found, in either color scheme, and that no line runs off a phone."""
    # Firefox shows its own scheme, whatever it is asked for.
    is_chromium = page.context.browser.browser_type.name == "chromium"
    for viewport in (WIDE, NARROW):
        page.set_viewport_size(viewport)
        for scheme in ("light", "dark") if is_chromium else ("light",):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page, options=OPTIONS)
            assert found.violations_count == 0, f"{state}, {scheme}: {found.generate_report()}"
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{state} is too wide for {viewport['width']} pixels"
