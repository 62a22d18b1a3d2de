"""Pictures of the pages, for the README: `make pictures` takes them."""

import os
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browsers.conftest import Serve, Visits
from tests.browsers.people import sign_in

VIEWPORT = {"width": 960, "height": 600}
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
MAX_BYTES = 60_000
PAGES = ("login", "dashboard", "account")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

pytestmark = [pytest.mark.slow, pytest.mark.pictures]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures go: a folder that PICTURES names, or one that is thrown away."""
    folder = Path(os.environ.get("PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def take(page: Page, file: Path) -> None:
    """Write a whole page into a PNG of few colors, which is a third of the size."""
    shot = page.screenshot(full_page=True, animations="disabled", caret="hide")
    shown = Image.open(BytesIO(shot))
    shown.quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_pictures_of_the_pages_are_small(serve: Serve, visits: Visits, folder: Path) -> None:
    app = serve()
    app.open_account("ada")
    app.device("ada")
    page = visits.page(app, viewport=VIEWPORT, user_agent=BROWSER)

    def take_both(name: str) -> None:
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            take(page, folder / f"{name}-{scheme}.png")

    page.goto("/login")
    take_both("login")
    sign_in(page, "ada")
    take_both("dashboard")
    page.goto("/account")
    expect(page.get_by_role("listitem").filter(has_text="last seen")).to_have_count(2)
    take_both("account")

    names = [f"{page}-{scheme}.png" for page in PAGES for scheme in SCHEMES]
    assert sorted(file.name for file in folder.glob("*.png")) == sorted(names)
    for name in names:
        file = folder / name
        assert file.stat().st_size < MAX_BYTES, name
        with Image.open(file) as picture:
            assert (picture.format, picture.width) == ("PNG", VIEWPORT["width"]), name
            assert VIEWPORT["height"] <= picture.height < 3 * VIEWPORT["height"], name
