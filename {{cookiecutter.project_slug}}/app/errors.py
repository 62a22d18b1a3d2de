"""Errors that are reported to the client."""

import math
from collections.abc import Mapping

#{% if cookiecutter.passkeys or cookiecutter.oidc %}
from cryptography.exceptions import UnsupportedAlgorithm
#{% endif %}
from starlette.exceptions import HTTPException

#{% if cookiecutter.passkeys or cookiecutter.oidc %}
# What reading a stranger's bytes may raise, beside the errors of the library that does: it leaves
# these to its callers.
MALFORMED = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    UnsupportedAlgorithm,
)

#{% endif %}

class AppError(HTTPException):
    """An error with a sentence for people, and a status and headers for their clients.

    It is an HTTPException, so that apps which are mounted respond to it as well.
    """

    status = 422
    text = "Something in the request is not valid."
    # Seconds after which it makes sense to try again.
    retry_after: int | None = None

    def __init__(self, text: str = "", headers: Mapping[str, str] | None = None) -> None:
        if self.retry_after:
            headers = {**(headers or {}), "Retry-After": str(self.retry_after)}
        super().__init__(self.status, text or self.text, headers)

    def __str__(self) -> str:
        return self.detail


class StoreUnavailable(AppError):
    """A store is refusing, cut off, locked, full, too slow or sending garbage.

    cause: for the log, not for people; not needed when it is raised from another exception.
    """

    status, retry_after = 503, 2
    text = "A part of this service does not respond. Try again in a few seconds."

    def __init__(self, cause: str = "") -> None:
        super().__init__()
        self._cause = cause

    @property
    def reason(self) -> str:
        """What has happened, for the log."""
        return str(self.__cause__ or self._cause) or type(self.__cause__).__name__


class Overloaded(AppError):
    """So much is waiting already that one more would wait for too long."""

    status, retry_after = 503, 2
    text = "Too many requests are waiting at the moment. Try again in a few seconds."


class TooManyRequests(AppError):
    """Wait before the next one. retry_after: seconds."""

    status, text = 429, "Too many requests."

    def __init__(self, retry_after: float) -> None:
        self.retry_after = max(1, math.ceil(retry_after))
        minutes = math.ceil(self.retry_after / 60)
        wait = "1 minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"{self.text} Try again in {wait}.")
