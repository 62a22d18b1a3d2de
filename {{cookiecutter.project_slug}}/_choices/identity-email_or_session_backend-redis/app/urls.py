"""Settings that are URLs of servers."""

import re
from urllib.parse import urlsplit


def is_url(url: str, form: re.Pattern[str]) -> bool:
    """Whether a URL has a form, and an address and a port that can be."""
    try:
        return form.fullmatch(url) is not None and urlsplit(url).port != 0
    except ValueError:
        return False
