"""The documents as a site: ``make site`` builds it into ``site/``, with Zensical.

Its pages are the documents of the repository under names of their own. Links between documents
lead to pages, all others to the repository.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, unquote

from tools import publish

REPOSITORY = Path(__file__).parent.parent
ADDRESS = f"{publish.address()}/blob/main"

# The target of a link, and that of a picture in HTML.
_TARGET = re.compile(r'(?<=\]\()[^()\s]+(?=\))|(?<=src=")[^"]+(?=")|(?<=srcset=")[^"]+(?=")')
_PICTURES = (".png", ".svg", ".gif")


def pages() -> dict[Path, str]:
    """Return the documents, and the names of their pages."""
    named = {
        REPOSITORY / "README.md": "index.md",
        REPOSITORY / "benchmarks" / "results.md": "results.md",
    }
    others = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]
    return {path: path.name.lower() for path in sorted(others)} | named


def rewrite(document: Path, text: str, names: dict[Path, str]) -> str:
    """Return a document with its links as the site needs them."""

    def lead(found: re.Match[str]) -> str:
        name, mark, anchor = found[0].partition("#")
        path = (document.parent / unquote(name)).resolve()
        if "://" in found[0] or not name or not path.exists():
            return found[0]
        if path in names:
            return f"{names[path]}{mark}{anchor}"
        if path.suffix in _PICTURES:
            return path.name
        return f"{ADDRESS}/{quote(path.relative_to(REPOSITORY).as_posix())}{mark}{anchor}"

    return _TARGET.sub(lead, text)


def prepare(folder: Path) -> None:
    """Write the pages into a folder, and copy their pictures."""
    folder.mkdir()
    names = pages()
    for document, name in names.items():
        text = rewrite(document, document.read_text("utf-8"), names)
        (folder / name).write_text(text, encoding="utf-8")
    for picture in _pictures(REPOSITORY / "docs" / "pictures", REPOSITORY / "benchmarks"):
        shutil.copy(picture, folder / picture.name)


def _pictures(*folders: Path) -> Iterable[Path]:
    return (path for folder in folders for path in folder.iterdir() if path.suffix in _PICTURES)


def build(folder: Path) -> Path:
    """Build the site in an empty folder; return where it is. A link to nowhere is an error."""
    prepare(folder / "pages")
    shutil.copy(REPOSITORY / "zensical.toml", folder)
    zensical = Path(sys.executable).parent / "zensical"
    subprocess.run([zensical, "build", "--strict"], cwd=folder, check=True)
    return folder / "site"


def main() -> None:
    """Build the site into ``site/``, in place of an older one."""
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder))
        shutil.rmtree(REPOSITORY / "site", ignore_errors=True)
        shutil.copytree(built, REPOSITORY / "site")


if __name__ == "__main__":
    main()
