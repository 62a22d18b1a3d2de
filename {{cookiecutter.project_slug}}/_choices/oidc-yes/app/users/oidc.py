"""The way to a provider and back: Google, Microsoft, GitHub, or any that speaks OpenID Connect."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from joserfc.errors import JoseError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

#{% if cookiecutter.session_backend == "signed-cookie" %}
from app import security_log
#{% endif %}
from app.config import Settings
from app.errors import MALFORMED
#{% if cookiecutter.session_backend == "signed-cookie" %}
from app.models import Identity, ProviderSession, User
#{% else %}
from app.models import Identity, ProviderSession
#{% endif %}
from app.oidc_settings import title_of
from app.request_limit import use_once, used_up
from app.sessions.session import CLOCK_LEEWAY_SECONDS, ClientInfo, SessionEnded
#{% if cookiecutter.session_backend == "signed-cookie" %}
from app.sessions.store import keep_links
#{% endif %}
from app.users.github import SITE as GITHUB
from app.users.github import GitHub
from app.users.identities import Arrival, Identities
from app.users.oidc_errors import (
    Cancelled,
    NotTheSameSession,
    ProviderError,
    ProviderUnavailable,
    ProviderUnknown,
)
from app.users.openid import LOGOUT_SECONDS, OpenIdProvider
from app.users.providers import (
    Attempt,
    Http,
    Person,
    Provider,
    Unavailable,
    check_subject,
    hash_of,
    log_failure,
)
#{% if cookiecutter.session_backend == "signed-cookie" %}
from app.users.service import AuthContext, bump_session_version
#{% else %}
from app.users.service import AuthContext
#{% endif %}

# What somebody is sent to a provider for.
SIGN_IN, LINK, CONFIRM = "sign-in", "link", "confirm"

# How long one may take there, in seconds.
ATTEMPT_SECONDS = 600
# How long all answers of a provider may take together, in seconds.
PROVIDER_SECONDS = 5


class OidcService:
    """Every method raises StoreUnavailable when the database is out of reach."""

    def __init__(self, identities: Identities, settings: Settings) -> None:
        self.identities, self.users, self.http = identities, identities.users, Http()
        self.providers: dict[str, Provider] = {}
        for name, each in settings.oidc_providers.items():
            # Each has an address of its own: the answer of one is none of another (RFC 9700, 4.4).
            redirect_uri = f"{settings.public_url}/login/{name}/callback"
            if each.issuer == GITHUB:
                self.providers[name] = GitHub(each, redirect_uri, self.http)
            else:
                provider = OpenIdProvider(each, redirect_uri, self.http, self.users.clock)
                self.providers[name] = provider

    @property
    def titles(self) -> dict[str, str]:
        """What people call each provider, by its name."""
        return {name: title_of(name) for name in self.providers}

    async def start(
        self, name: str, purpose: str, next_path: str, auth: AuthContext | None = None
    ) -> tuple[str, Attempt]:
        """Return where a browser has to go, and what it has to keep meanwhile.

        purpose: SIGN_IN, LINK or CONFIRM. auth: who asks for one of the latter. Raises
        ProviderUnknown or ProviderUnavailable.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        now, session_id = self.users.clock(), auth.session.record.id if auth else ""
        attempt = Attempt(name, purpose, next_path, state, nonce, verifier, now, session_id)
        async with self._asking(name) as provider:
            address = await provider.address(attempt, again=purpose == CONFIRM)
        return address, attempt

    async def finish(
        self,
        attempt: Attempt,
        answer: Mapping[str, str],
        client: ClientInfo,
        auth: AuthContext | None,
    ) -> Arrival | None:
        """Take the answer of a provider: once, and within ten minutes.

        answer: the parameters that the browser brought along. auth: who is signed in there. Returns
        who is to be signed in; None when it was about somebody who is. Raises ProviderError.
        """
        await self._use_up(attempt.state, ATTEMPT_SECONDS)
        async with self._asking(attempt.provider) as provider:
            if "error" in answer:
                log_failure(attempt.provider, f"it answers {answer['error']}")
                raise Cancelled
            person = await provider.redeem(attempt, answer)
            _check(person, attempt)
        if attempt.purpose == SIGN_IN:
            return await self.identities.sign_in(attempt.provider, person, client)
        # Whoever asked has to be signed in still, in the same session.
        if auth is None or auth.session.record.id != attempt.session_id:
            raise NotTheSameSession
        try:
            if attempt.purpose == LINK:
                await self.identities.link(auth, attempt.provider, person)
            else:
                await self.identities.confirm(auth, person)
        except SessionEnded:
            raise NotTheSameSession from None
        return None

    async def log_out(self, name: str, token: str) -> None:
        """End the sessions that a provider says have ended. Raises ProviderError.

        token: a logout token. It may name a session, or somebody, of whom all sessions that began
        at the provider end.
        """
        async with self._asking(name) as provider:
            claims = await provider.read_logout(token)
        token_id = f"{claims['iss']} {claims['jti']}"
        if await self.users.database.fetch_one(used_up(_once(token_id))):
            raise ProviderError
        await self.identities.note_logout(claims)
        wanted = [Identity.issuer == claims["iss"]]
        if "sub" in claims:
            wanted.append(Identity.subject == claims["sub"])
        if "sid" in claims:
            # Of somebody who is named as well, sessions count of which the provider has not said
            # what it calls them.
            sids = [claims["sid"], ""] if "sub" in claims else [claims["sid"]]
            wanted.append(ProviderSession.sid_hash.in_([hash_of(str(each)) for each in sids]))
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        users = select(User.id, User.session_version).join(Identity).join(ProviderSession)
        found = await self.users.database.fetch_all(users.where(*wanted).distinct())
        for user_id, version in found:
            # All of them: the server has no list to find those in that began there.
            ended = bump_session_version(self.users.clock()).where(User.id == user_id)
            await self.users.database.change(ended, keep_links(user_id, version))
            security_log.event("session_expired", actor=user_id, reason="ended at the provider")
        #{% else %}
        found = await self.users.database.fetch_all(
            select(Identity.user_id, ProviderSession.created_at)
            .join_from(ProviderSession, Identity)
            .where(*wanted)
        )
        for user_id in {each.user_id for each in found}:
            begun = {each.created_at for each in found if each.user_id == user_id}
            await self.users.sessions.revoke_begun(user_id, begun)
        #{% endif %}
        # Last, so that the provider may send it again when a store has failed.
        await self._use_up(token_id, LOGOUT_SECONDS)

    async def close(self) -> None:
        """Close the connections to providers."""
        await self.http.close()

    @asynccontextmanager
    async def _asking(self, name: str) -> AsyncIterator[Provider]:
        """Ask a provider, for a few seconds at most. Whatever is wrong is logged, not told."""
        if name not in self.providers:
            raise ProviderUnknown
        try:
            async with asyncio.timeout(PROVIDER_SECONDS):
                yield self.providers[name]
        except (Unavailable, TimeoutError) as error:
            log_failure(name, error)
            raise ProviderUnavailable from None
        except (JoseError, *MALFORMED) as error:
            log_failure(name, error)
            raise ProviderError from None

    async def _use_up(self, text: str, seconds: int) -> None:
        """Accept something once. seconds: for which it would be accepted. Raises ProviderError."""
        # Remembered until it has expired by the clock of every host.
        forgotten_at = self.users.clock() + seconds + 2 * CLOCK_LEEWAY_SECONDS
        try:
            await self.users.database.execute(use_once(_once(text), forgotten_at))
        except IntegrityError:
            raise ProviderError from None


def _once(text: str) -> bytes:
    """Return under which name something is used up."""
    return f"provider {text}".encode("utf-8", "surrogatepass")


def _check(person: Person, attempt: Attempt) -> None:
    """Raise ValueError unless a provider says properly who somebody is."""
    check_subject(person.subject)
    # Google and GitHub do not say.
    asked_at = attempt.began_at if person.auth_time is None else person.auth_time
    if attempt.purpose == CONFIRM and asked_at + CLOCK_LEEWAY_SECONDS < attempt.began_at:
        raise ValueError("it has not asked again who somebody is")
