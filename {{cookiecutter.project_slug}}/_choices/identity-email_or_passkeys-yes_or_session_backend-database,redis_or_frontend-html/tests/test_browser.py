"""User agents in words."""

import pytest

from app.user_agent import describe_browser


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Firefox/153.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537 Edg/156.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Mac OS X 10_15) Version/19.0 Safari/605.1", "Safari on Mac OS X"),
        ("curl/8.5.0", "curl"),
        ("(Linux)", "Unknown browser on Linux"),
        ("<script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser_and_system_are_named_in_words(user_agent: str, name: str) -> None:
    assert describe_browser(user_agent) == name
