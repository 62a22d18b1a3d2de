"""The way to a provider and back, of one browser.

What has to outlast it is kept in cookies of its own, which the browser can neither read nor change:
one for each attempt, so that two tabs do not disturb each other. They come along when it returns
from another site, whatever SESSION_SAMESITE is.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadData
from itsdangerous.encoding import base64_decode, base64_encode
from starlette.requests import HTTPConnection

from app.models import User
from app.sessions.session import SignIn, is_current
from app.users.errors import SignInFailed
#{% if cookiecutter.totp %}
from app.users.factors import SecondFactorRequired, StrongerFactorRequired
#{% elif cookiecutter.passkeys %}
from app.users.factors import StrongerFactorRequired
#{% endif %}
#{% if cookiecutter.identity == "username" %}
from app.users.identities import Arrival, NewAccount
#{% else %}
from app.users.identities import Arrival
#{% endif %}
#{% if cookiecutter.totp or cookiecutter.passkeys %}
from app.users.oidc import ATTEMPT_SECONDS, CONFIRM, SIGN_IN
#{% else %}
from app.users.oidc import ATTEMPT_SECONDS, SIGN_IN
#{% endif %}
#{% if cookiecutter.identity == "username" or (cookiecutter.totp and cookiecutter.frontend == "api") %}
from app.users.oidc_errors import NotTheSameSession, ProviderError
#{% else %}
from app.users.oidc_errors import ProviderError
#{% endif %}
from app.users.providers import Attempt
from app.users.service import AuthContext
from app.web import begun
from app.web.request_session import RequestSession

# Tabs in which somebody may be at a provider at the same time: with more, the oldest are forgotten.
MAX_ATTEMPTS = 5

#{% if cookiecutter.totp and cookiecutter.frontend == "api" %}
# Between the steps of a sign-in.
CODE_SECONDS = 300
#{% endif %}
_STATE = re.compile("[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class RoundTrips:
    """Sends a browser to providers, and receives it. connection: its request."""

    connection: HTTPConnection
    request_session: RequestSession

    async def start(
        self, provider: str, next_path: str, purpose: str = SIGN_IN, auth: AuthContext | None = None
    ) -> str:
        """Return where the browser has to go; the response lets it keep what it needs.

        next_path: where it goes on afterwards. purpose, auth: as for ``OidcService.start``. Raises
        ProviderUnknown or ProviderUnavailable.
        """
        services = self.request_session.services
        #{% if cookiecutter.totp or cookiecutter.passkeys %}
        if auth and purpose == CONFIRM and (kinds := await services.factors.kinds_of(auth.user.id)):
            # As little as a password would.
            raise StrongerFactorRequired(kinds)
        #{% endif %}
        url, attempt = await services.oidc.start(provider, purpose, next_path, auth)
        headers = self.connection.scope["headers"]
        for surplus in begun.sent_attempts(services, headers, MAX_ATTEMPTS - 1):
            self._set_cookie(surplus.delete_cookie())
        self._keep(_name_of(attempt.state), [*attempt])
        return url

    async def finish(self, provider: str, answer: Mapping[str, str]) -> tuple[Arrival | None, str]:
        """Return who has come back from a provider, and where they go on.

        None when something was linked or confirmed. Raises ProviderError.
        """
        state = answer.get("state", "")
        kept = self._kept(_name_of(state)) if _STATE.fullmatch(state) else None
        if kept is None:
            raise ProviderError
        self._forget(_name_of(state))
        attempt = Attempt(*kept)
        # The cookie holds what was begun in this browser: that it is what the answer is about.
        if attempt.provider != provider or attempt.state != state:
            raise ProviderError
        oidc, client = self.request_session.services.oidc, self.request_session.client
        auth = await self._load_auth()
        outcome = await oidc.finish(attempt, answer, client, auth)
        #{% if cookiecutter.identity == "username" %}
        if isinstance(outcome, NewAccount):
            self._keep(begun.NEW_ACCOUNT, [outcome, attempt.next_path])
        #{% endif %}
        return outcome, attempt.next_path

    async def sign_in(self, provider: str, sign_in: SignIn) -> User:
        """Let the response set the session's cookie. Raises ProviderError.

        Or SecondFactorRequired, for an account that asks for a code.
        """
        #{% if cookiecutter.totp %}
        kinds = await self.request_session.services.totp.kinds_of(sign_in.user_id)
        if kinds:
            #{% if cookiecutter.frontend == "api" %}
            self._keep(begun.code_of(provider), sign_in, CODE_SECONDS)
            #{% endif %}
            raise SecondFactorRequired(kinds, sign_in)
        #{% endif %}
        try:
            return await self.request_session.finish_sign_in(sign_in)
        except SignInFailed:
            raise ProviderError from None
    #{% if cookiecutter.totp and cookiecutter.frontend == "api" %}

    async def sign_in_with_code(self, provider: str, code: str) -> User:
        """Sign in whoever has come from that provider and was asked for a code.

        Raises NotTheSameSession when too much time has passed, or SecondFactorRequired.
        """
        kept = self._kept(begun.code_of(provider), CODE_SECONDS)
        if kept is None:
            raise NotTheSameSession
        return await self.request_session.sign_in_with_code(SignIn(*kept), code)
    #{% endif %}
    #{% if cookiecutter.identity == "username" %}

    def is_name_wanted(self, provider: str) -> bool:
        """Whether somebody has come from that provider, which is still one, and needs a name."""
        kept = self._kept(begun.NEW_ACCOUNT)
        is_theirs = kept is not None and NewAccount(*kept[0]).provider == provider
        return is_theirs and provider in self.request_session.services.oidc.providers

    async def register(self, provider: str, name: str) -> tuple[User, str]:
        """Create the account of somebody who has come from a provider, and sign them in.

        Returns the user, and where to go on. Raises InvalidName, NameTaken, TooManyRequests, or
        NotTheSameSession when too much time has passed.
        """
        if not self.is_name_wanted(provider):
            raise NotTheSameSession
        new, next_path = self._kept(begun.NEW_ACCOUNT)
        await self.request_session.limit_registrations()
        sign_in = await self.request_session.services.identities.register(NewAccount(*new), name)
        try:
            return await self.request_session.finish_sign_in(sign_in), next_path
        except SignInFailed:
            raise NotTheSameSession from None
    #{% endif %}

    async def _load_auth(self) -> AuthContext | None:
        user = await self.request_session.load_user()
        session = self.request_session.session
        if user is None or session is None:
            return None
        return AuthContext(user, session, self.request_session.client)

    def _keep(self, name: str, value: Any, seconds: int = ATTEMPT_SECONDS) -> None:
        """Let the browser keep a value, for so long."""
        services = self.request_session.services
        text = json.dumps([value, services.clock() + seconds])
        encrypted = services.round_trip_cipher.encrypt(text.encode(), name)
        token = base64_encode(encrypted).decode("ascii")
        self._set_cookie(begun.round_trip_cookie(services, name).set_cookie(token, seconds))

    def _kept(self, name: str, seconds: int = ATTEMPT_SECONDS) -> Any:
        """Return what the browser has kept; None for what is forged, or older than that."""
        services = self.request_session.services
        values = begun.round_trip_cookie(services, name).read(self.connection.scope["headers"])
        try:
            encrypted = base64_decode(values[0]) if len(values) == 1 else b""
        except BadData:
            return None
        text = services.round_trip_cipher.decrypt(encrypted, name)
        if text is None:
            return None
        value, expires_at = json.loads(text)
        return value if is_current(expires_at, seconds, services.clock()) else None

    def _forget(self, name: str) -> None:
        cookie = begun.round_trip_cookie(self.request_session.services, name)
        self._set_cookie(cookie.delete_cookie())

    def _set_cookie(self, header: bytes) -> None:
        self.request_session.depends_on_session = True
        self.request_session.more_cookies.append(header)


def _name_of(state: str) -> str:
    return f"at-{state[:8]}"
