"""What there is to know of any provider, and how one is asked."""

import base64
import hashlib
import json
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple, Protocol

import httpx2

from app import security_log

# For one answer of a provider.
MAX_ANSWER_BYTES = 262_144


# OpenID Connect Core 1.0, 2.
MAX_SUBJECT_CHARACTERS = 255


class Unavailable(Exception):
    """A provider does not answer, or not with what the protocol asks for."""


class Attempt(NamedTuple):
    """What a browser keeps for as long as somebody is at a provider."""

    provider: str
    purpose: str
    # Where they go afterwards: a path.
    next_path: str
    state: str
    nonce: str
    verifier: str
    # Unix time in seconds.
    began_at: float
    # The session of whoever is signed in already.
    session_id: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """What the provider is told of it: of the verifier only a hash (PKCE, RFC 7636)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return {
            "response_type": "code",
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode("ascii").rstrip("="),
            "code_challenge_method": "S256",
        }


class Person(NamedTuple):
    """Who somebody is at a provider."""

    issuer: str
    subject: str
    # Empty unless the provider has verified it.
    email: str = ""
    # What the provider calls its own session, and when it began in Unix time, if it says so.
    sid: str = ""
    auth_time: float | None = None
    # When it has said so, by its own clock.
    answered_at: float = 0


class Provider(Protocol):
    """Where people have accounts."""

    async def address(self, attempt: Attempt, *, again: bool = False) -> str:
        """Return where the browser goes. again: whether to ask who they are in any case.

        Raises Unavailable.
        """

    async def redeem(self, attempt: Attempt, answer: Mapping[str, str]) -> Person:
        """Return who came back. answer: the parameters that the browser brought along.

        Raises Unavailable, JoseError, or one of ``MALFORMED`` for what is wrong with the answer.
        """

    async def read_logout(self, token: str) -> dict[str, Any]:
        """Return what a logout token says. Raises as above."""


class Http:
    """The connections to providers. They are made when first needed.

    transport: what to ask through, instead of the network.
    """

    def __init__(self) -> None:
        self.transport: httpx2.AsyncBaseTransport | None = None
        self._client: httpx2.AsyncClient | None = None

    async def ask(self, method: str, url: str, **options: Any) -> Any:
        """Return the JSON that a provider answers with. No redirect is followed.

        Raises Unavailable, also for an answer that is too long or no JSON.
        """
        if self._client is None:
            # No cookies: they would be sent for somebody else next time.
            nobodys = CookieJar(DefaultCookiePolicy(allowed_domains=()))
            self._client = httpx2.AsyncClient(transport=self.transport, cookies=nobodys)
        # Not compressed: a short answer could become a long one.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        options["headers"] = headers | options.get("headers", {})
        body = b""
        try:
            async with self._client.stream(method, url, **options) as response:
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise Unavailable("its answer is too long")
            if response.status_code != 200:
                raise Unavailable(f"it answers with status {response.status_code}")
            return json.loads(body)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError) as error:
            raise Unavailable(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


def hash_of(text: str) -> bytes:
    """Return what is kept of a text that only has to be recognised."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def log_failure(provider: str, error: object) -> None:
    """Log why somebody who came from a provider was not signed in."""
    reason = f"{provider}: {str(error) or type(error).__name__}"[:200]
    security_log.event("authn_login_fail", reason=reason, warning=True)


def check_subject(subject: str) -> None:
    """Raise ValueError for a subject that cannot be stored, or is nobody's."""
    if not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS or not subject.isprintable():
        raise ValueError("its subject is nobody")
