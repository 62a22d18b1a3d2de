"""The parts of one running app, put together from the settings."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from app.config import PROJECT, Settings
from app.database import Database
#{% if cookiecutter.identity == "email" %}
from app.email.outbox import Outbox
#{% endif %}
#{% if cookiecutter.session_backend == "redis" %}
from app.redis import Redis
#{% endif %}
from app.request_limit import RequestLimiter
from app.sessions.cookie import SessionCookie
from app.sessions.encryption import SessionCipher
from app.sessions.service import SessionService
from app.sessions.store import SessionStore
from app.sessions.token import SessionTokens
from app.users.account_events import AccountEvents
from app.users.authentication import Authenticator
#{% if cookiecutter.passkeys %}
from app.users.challenges import Challenges
#{% endif %}
#{% if cookiecutter.identity == "email" %}
from app.users.emails import EmailService
#{% endif %}
#{% if cookiecutter.totp or cookiecutter.passkeys %}
from app.users.factors import Factors
#{% endif %}
#{% if cookiecutter.oidc %}
from app.users.identities import Identities
#{% endif %}
#{% if cookiecutter.identity == "email" %}
from app.users.known_devices import KnownDevices
#{% endif %}
from app.users.links import Links
#{% if cookiecutter.oidc %}
from app.users.oidc import OidcService
#{% endif %}
#{% if cookiecutter.passkeys %}
from app.users.passkeys import Passkeys
#{% endif %}
from app.users.passwords import Passwords
from app.users.rate_limit import RateLimiter, derive_name_key
from app.users.recovery import PasswordRecovery
#{% if cookiecutter.passkeys %}
from app.users.relying_party import RelyingParty
#{% endif %}
from app.users.service import UserService
#{% if cookiecutter.totp %}
from app.users.totp import TotpService
#{% endif %}

# The pause between batches, as a multiple of the time that a batch took, so that requests are not
# slowed down.
PAUSE = 4


class Services:
    """What the web and the command line share. clock: Unix time in seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        # WebSockets by user; kept by app/web/websocket.py.
        self.open_sockets: Counter[int] = Counter()
        self.database = Database(settings)
        self.cookie = SessionCookie(
            PROJECT["slug"],
            settings.session_cookie_secure,
            settings.session_samesite,
            settings.session_partitioned,
        )
        #{% if cookiecutter.session_backend == "redis" %}
        self.redis = Redis(settings.redis_url.get_secret_value())
        store = SessionStore(self.redis, self.database, settings)
        #{% elif cookiecutter.session_backend == "signed-cookie" %}
        store = SessionStore(self.database, settings)
        #{% else %}
        store = SessionStore(self.database)
        #{% endif %}
        keys = [key.get_secret_value() for key in settings.secret_keys]
        self.sessions = SessionService(
            store, SessionTokens(keys), SessionCipher(keys), settings, clock
        )
        self.request_limiter = RequestLimiter(self.database, clock)
        self.rate_limiter = RateLimiter(
            self.database,
            settings.login_max_failures,
            settings.login_window,
            clock,
            derive_name_key(keys[0]),
        )
        passwords = Passwords(
            settings.password_min_length, PROJECT["name"], settings.password_hash_threads
        )
        authenticator = Authenticator(self.database, passwords, self.rate_limiter)
        #{% if cookiecutter.identity == "email" %}
        mail_cipher = SessionCipher(keys, b"app.email.outbox")
        self.outbox = Outbox(self.database, mail_cipher, settings, clock)
        self.events = AccountEvents(self.database, self.outbox, self.request_limiter, clock)
        #{% else %}
        self.events = AccountEvents(self.database, clock)
        #{% endif %}
        self.users = UserService(
            self.database, self.sessions, passwords, authenticator, self.events, clock
        )
        self.links = Links(self.database, keys, settings.public_url, clock)
        self.recovery = PasswordRecovery(self.users, self.links)
        #{% if cookiecutter.identity == "email" %}
        self.emails = EmailService(
            self.users, self.recovery, self.outbox, self.request_limiter, settings
        )
        self.known_devices = KnownDevices(self.database, self.outbox, self.request_limiter, clock)
        #{% endif %}
        #{% if cookiecutter.totp %}
        self.totp = TotpService(self.users, SessionCipher(keys, b"app.users.totp"))
        #{% endif %}
        #{% if cookiecutter.passkeys %}
        site = RelyingParty(Challenges(keys, clock), settings)
        self.passkeys = Passkeys(self.users, site)
        #{% endif %}
        #{% if cookiecutter.totp and cookiecutter.passkeys %}
        self.factors = Factors(self.users, [self.passkeys, self.totp])
        #{% elif cookiecutter.totp %}
        self.factors = Factors(self.users, [self.totp])
        #{% elif cookiecutter.passkeys %}
        self.factors = Factors(self.users, [self.passkeys])
        #{% endif %}
        #{% if cookiecutter.oidc %}
        #{% if cookiecutter.identity == "email" and (cookiecutter.totp or cookiecutter.passkeys) %}
        self.identities = Identities(self.users, settings, self.factors)
        #{% else %}
        self.identities = Identities(self.users, settings)
        #{% endif %}
        self.oidc = OidcService(self.identities, settings)
        self.round_trip_cipher = SessionCipher(keys, b"app.web.round_trips")
        #{% endif %}

    async def ping(self) -> None:
        """Raise StoreUnavailable unless everything that the app depends on answers."""
        await self.database.ping()
        #{% if cookiecutter.session_backend == "redis" %}
        await self.redis.ping()
        #{% endif %}

    async def delete_expired(self) -> int:
        """Delete whatever has expired; return how many records that were."""
        deleted = 0
        while True:
            began = time.monotonic()
            batches = [
                await self.sessions.delete_expired(),
                await self.rate_limiter.delete_expired(),
                await self.request_limiter.delete_expired(),
                await self.links.delete_expired(),
                await self.events.delete_expired(),
                #{% if cookiecutter.identity == "email" %}
                await self.outbox.delete_expired(),
                await self.known_devices.delete_expired(),
                #{% endif %}
                #{% if cookiecutter.oidc %}
                await self.identities.delete_expired(),
                #{% endif %}
            ]
            if not any(batches):
                return deleted
            deleted += sum(batches)
            await asyncio.sleep(PAUSE * (time.monotonic() - began))

    async def close(self) -> None:
        """Close all connections."""
        #{% if cookiecutter.oidc %}
        await self.oidc.close()
        #{% endif %}
        await self.database.close()
        #{% if cookiecutter.session_backend == "redis" %}
        await self.redis.close()
        #{% endif %}
