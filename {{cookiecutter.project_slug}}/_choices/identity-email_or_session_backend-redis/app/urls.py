"""Settings that are URLs of servers."""

import re
from urllib.parse import urlsplit


def is_url(url: str, form: re.Pattern[str]) -> bool:
    """Whether a URL has a form, and an address and a port that can be."""
    try:
        parts = urlsplit(url)
        # As the lookup of its address does, which would fail with an error of its own.
        (parts.hostname or "").encode("idna")
        return form.fullmatch(url) is not None and parts.port != 0
    except ValueError:
        return False
