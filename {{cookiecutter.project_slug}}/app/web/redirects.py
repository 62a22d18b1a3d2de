"""Where a browser may be sent after signing in."""

import re
from urllib.parse import unquote

HOME = "/"

# A path of this app: one slash, then neither a second one nor a backslash, which browsers read as
# a slash; and nothing that a browser drops before it looks (control characters, spaces).
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)


def safe_next(path: str) -> str:
    """Return ``path`` when it leads to a page of this app, otherwise the home page.

    It is looked at decoded as well, since a proxy may decode it once more (ASVS 5.0 3.7.2).
    """
    if _LOCAL_PATH.fullmatch(path) and _LOCAL_PATH.fullmatch(unquote(path)):
        return path
    return HOME
