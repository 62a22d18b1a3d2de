"""The documents as a site: built, and every link leads somewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools import site

ZENSICAL = "zensical.toml"


class Page(HTMLParser):
    """The links, pictures and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.anchors |= {found.get("id") or "", found.get("name") or ""}
        self.targets += [each for name in ("href", "src") if (each := found.get(name))]


@pytest.mark.slow
def test_the_site_is_built_and_every_link_in_it_leads_somewhere(tmp_path: Path) -> None:
    built = site.build(tmp_path)
    texts = {path: Page(path.read_text("utf-8")) for path in built.rglob("*.html")}
    assert len(texts) > len(site.pages())
    for path, page in texts.items():
        if path.name == "404.html":
            continue
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or target.startswith("//"):
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            file = file / "index.html" if file.is_dir() else file
            assert file.exists(), f"{path.relative_to(built)} leads to {target}"
            if parts.fragment and file in texts:
                assert unquote(parts.fragment) in texts[file].anchors, f"{path}: {target}"


def test_every_document_has_a_place_in_the_navigation() -> None:
    navigation = (site.REPOSITORY / ZENSICAL).read_text("utf-8")
    assert set(re.findall(r'"([\w-]+\.md)"', navigation)) == set(site.pages().values())


def test_links_lead_to_pages_or_to_the_repository() -> None:
    document = site.REPOSITORY / "docs" / "threat-model.md"
    text = "[a](scaling.md#connections) [b](../tests/mutants/web.py) [c](https://a.example) [d](#e)"
    assert site.rewrite(document, text, site.pages()) == (
        f"[a](scaling.md#connections) [b]({site.ADDRESS}/tests/mutants/web.py) "
        "[c](https://a.example) [d](#e)"
    )
