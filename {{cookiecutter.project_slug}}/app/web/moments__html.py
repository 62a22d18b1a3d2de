"""Times as people read them."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import humanize

from app import texts


class Moment(NamedTuple):
    """A time: in words as seen from now, exactly, and for machines."""

    words: str
    exact: str
    iso: str


def moment(unix_time: float, now: float) -> Moment:
    """Say when something was or will be. unix_time, now: Unix time in seconds."""
    humanize.activate(texts.LANGUAGE.replace("-", "_"))
    at = datetime.fromtimestamp(unix_time, UTC)
    return Moment(
        words=humanize.naturaltime(timedelta(seconds=now - unix_time)),
        exact=f"{at:%Y-%m-%d %H:%M} UTC",
        iso=at.isoformat(timespec="seconds"),
    )
