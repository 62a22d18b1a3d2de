"""The pictures of the app in README.md: `make pictures` takes them from an app that runs."""

import os
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.browsers.conftest import Complaints, Serve, Visits
from tests.browsers.people import PASSWORD, fill_in, sign_in

# Two windows beside each other: the sign-in page as on a telephone, and the dashboard.
SMALL, LARGE, HEIGHT = 390, 900, 720
GAP, BAR, CORNER = 24, 32, 12
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
ADA, GRACE = "ada@example.com", "grace@example.com"
MAX_BYTES, MAX_FILM_BYTES = 160_000, 600_000
# Of a window of the film, and of each of its pictures.
FILM_WIDTH, FILM_HEIGHT, FILM_SECONDS = 520, 560, 2
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FRAMES = {"light": ("#d8dce3", "#9aa3b2"), "dark": ("#30343d", "#596070")}

pytestmark = [pytest.mark.slow, pytest.mark.pictures]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures go: a folder that PICTURES names, or one that is thrown away."""
    folder = Path(os.environ.get("PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def see(page: Page) -> Image.Image:
    """Take what a window shows."""
    return Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide")))


def shots(page: Page, width: int) -> dict[str, Image.Image]:
    """Take what a window of this width shows, in each color scheme."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    taken: dict[str, Image.Image] = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        taken[scheme] = see(page)
    return taken


def window(shot: Image.Image, scheme: str) -> Image.Image:
    """Put the frame of a browser around what it shows."""
    frame, dots = FRAMES[scheme]
    size = (shot.width + 2, shot.height + BAR + 1)
    framed = Image.new("RGB", size, frame)
    framed.paste(shot, (1, BAR))
    draw = ImageDraw.Draw(framed)
    for number in range(3):
        left = 14 + 20 * number
        draw.ellipse((left, BAR // 2 - 5, left + 10, BAR // 2 + 5), fill=dots)
    # Corners are drawn large and made small, so that they are smooth.
    mask = Image.new("L", (size[0] * 4, size[1] * 4))
    ends = (mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *ends), CORNER * 4, fill=255)
    framed.putalpha(mask.resize(size, Image.Resampling.LANCZOS))
    return framed


def side_by_side(*windows: Image.Image) -> Image.Image:
    """Return one picture of several windows of one height, on nothing."""
    width = sum(each.width + GAP for each in windows) - GAP
    picture = Image.new("RGBA", (width, windows[0].height))
    left = 0
    for each in windows:
        picture.paste(each, (left, 0))
        left += each.width + GAP
    return picture


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_the_picture_of_the_app_is_small(serve: Serve, visits: Visits, folder: Path) -> None:
    app = serve(identity="email")
    app.open_account_by_mail(ADA)
    app.device(ADA)
    page = visits.page(app, user_agent=BROWSER)
    page.goto("/login")
    signs_in = shots(page, SMALL)
    sign_in(page, ADA)
    expect(page.get_by_role("listitem").filter(has_text="last seen")).to_have_count(2)
    signed_in = shots(page, LARGE)
    for scheme in SCHEMES:
        picture = side_by_side(*(window(each[scheme], scheme) for each in (signs_in, signed_in)))
        file = folder / f"app-{scheme}.png"
        picture.save(file, optimize=True)
        assert file.stat().st_size < MAX_BYTES
        with Image.open(file) as kept:
            assert (kept.format, kept.width) == ("PNG", SMALL + LARGE + GAP + 4)


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
def test_a_film_shows_how_a_session_is_ended_from_another_device(
    serve: Serve, visits: Visits, complaints: Complaints, folder: Path
) -> None:
    complaints.allow("/api/session", "status of 401")
    app = serve(identity="email")
    app.open_account_by_mail(GRACE)
    viewport = {"width": FILM_WIDTH, "height": FILM_HEIGHT}
    here = visits.page(app, viewport=viewport, user_agent=BROWSER)
    there = visits.page(app, viewport=viewport, user_agent=BROWSER.replace("X11; Linux", "Windows"))
    film: list[Image.Image] = []

    def take() -> None:
        windows = side_by_side(*(window(see(page), "light") for page in (here, there)))
        picture = Image.new("RGB", windows.size, "white")
        picture.paste(windows, mask=windows)
        film.append(picture.quantize(64, dither=Image.Dither.NONE))

    for page in (here, there):
        page.goto("/login")
    for page in (here, there):
        fill_in(page, GRACE, PASSWORD)
        take()
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name=f"Hello {GRACE}")).to_be_visible()
        take()
    here.goto("/account")
    end = here.get_by_role("button", name="Sign out Chrome on Windows")
    end.scroll_into_view_if_needed()
    take()
    end.click()
    expect(here.get_by_role("status")).to_contain_text("has been ended")
    expect(here.locator(".toast")).to_have_css("opacity", "1")
    take()
    # The other window was touched by nobody.
    expect(there.get_by_label("Password", exact=True)).to_be_visible()
    take()
    file = folder / "devices.gif"
    film[0].save(
        file,
        save_all=True,
        append_images=film[1:],
        duration=FILM_SECONDS * 1000,
        loop=0,
        optimize=True,
    )
    assert file.stat().st_size < MAX_FILM_BYTES
    with Image.open(file) as kept:
        # Where the other window was quick, its last two pictures are the same, and kept as one.
        assert getattr(kept, "n_frames", 1) in (len(film) - 1, len(film))
