"""Errors that whoever sent the request is told about."""

from collections.abc import Mapping


class AppError(Exception):
    """An error with a sentence for people, and an HTTP status and headers for their clients."""

    status = 422
    text = "Something in the request is not valid."
    headers: Mapping[str, str] = {}

    def __init__(self, text: str = "") -> None:
        super().__init__(text or self.text)


class StoreUnavailable(AppError):
    """The database or Redis is refusing, cut off, locked, full, too slow or sending nonsense.

    cause: for the log, not for people.
    """

    status = 503
    text = "A part of this service does not respond. Try again in a few seconds."
    headers: Mapping[str, str] = {"Retry-After": "2"}

    def __init__(self, cause: str = "") -> None:
        super().__init__()
        self.cause = cause
