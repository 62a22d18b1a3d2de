"""Forwarding headers count only where the operator has said whom to believe (ASVS 5.0 4.1.3).

uvicorn believes X-Forwarded-For and -Proto from this machine unless FORWARDED_ALLOW_IPS says
otherwise. Told nothing, the app believes nobody: anyone who reaches the port through a tunnel or a
careless proxy could choose an address, and with each new one start guessing anew.
"""

import logging
import os

from starlette.types import Scope

LOGGER = logging.getLogger("app")

_PLAIN = {"https": "http", "wss": "ws"}


class Forwarding:
    """Takes back what uvicorn took over without having been told to."""

    def __init__(self) -> None:
        self._is_configured = "FORWARDED_ALLOW_IPS" in os.environ
        self._has_warned = False

    def check(self, scope: Scope) -> None:
        """Give a request the address of its sender and plain http, if a header has changed them."""
        if self._is_configured:
            return
        sender = (scope.get("client") or ("",))[0].encode()
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto":
                scope["scheme"] = _PLAIN.get(scope["scheme"], scope["scheme"])
                self._warn()
            elif name == b"x-forwarded-for" and sender and sender in value:
                scope["client"] = ("127.0.0.1", 0)
                self._warn()

    def _warn(self) -> None:
        if not self._has_warned:
            LOGGER.warning("X-Forwarded-* is ignored: FORWARDED_ALLOW_IPS does not name a proxy.")
            self._has_warned = True
