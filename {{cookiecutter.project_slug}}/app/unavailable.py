"""The one error of every server that the app depends on."""


class Unavailable(Exception):
    """A store is out of reach: refused, cut off, locked, full, too slow, or talking nonsense."""
