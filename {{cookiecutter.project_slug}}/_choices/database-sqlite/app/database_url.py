"""What DATABASE_URL may say: a file, in a folder that exists."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

DRIVER = "sqlite+aiosqlite"


def parse(url: str) -> URL:
    """Return what the driver is told to open. Raises ValueError with a sentence for people.

    Connecting never creates the file: whoever removes it from a running app would let everybody
    start over with an empty one.
    """
    path = path_of(url)
    return URL.create(DRIVER, database=path.as_uri(), query={"mode": "rw", "uri": "true"})


def path_of(url: str) -> Path:
    """Return the absolute path of the file. Raises ValueError with a sentence for people."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername != DRIVER:
        raise ValueError(f"must be a URL that begins with {DRIVER}://")
    if parsed.query:
        raise ValueError("takes nothing after a ?; write %3F where it is part of the path")
    if parsed.database in (None, "", ":memory:"):
        raise ValueError("must name a database that all workers share")
    path = Path(str(parsed.database)).absolute()
    try:
        may_be_file = path.parent.is_dir() and not path.is_dir() and "\0" not in path.name
    except OSError:
        # Its name is too long, or it is in a folder of somebody else's.
        may_be_file = False
    if parsed.host or not may_be_file:
        raise ValueError(
            "must name a file in a folder that exists, after three slashes; an absolute path "
            "begins with a fourth"
        )
    return path
