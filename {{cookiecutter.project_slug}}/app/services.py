"""What the app is made of, put together once from the settings."""

import asyncio
import time
from collections.abc import Callable

from app.accounts.credentials import Credentials
from app.accounts.directory import Directory
from app.accounts.passwords import Passwords
from app.accounts.service import Accounts
from app.accounts.throttle import Throttle
from app.database import Database
#{% if cookiecutter.session_backend == "redis" %}
from app.redis import Redis
#{% endif %}
from app.sessions.cookie import CookiePolicy
from app.sessions.seal import Seal
from app.sessions.service import Sessions
from app.sessions.session import Limits
from app.sessions.store import SessionStore
from app.sessions.ticket import Tickets
from app.settings import PROJECT, Settings

# How long a sweep pauses after each batch, in times of what the batch took.
PAUSE = 4


class Services:
    """The parts of one running app; the web and the shell share them.

    clock: returns Unix time in seconds. Tests hand in one that they can turn.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database_url)
        self.cookie = CookiePolicy(
            secure=settings.session_cookie_secure, samesite=settings.session_samesite
        )
        keys = [key.get_secret_value() for key in settings.secret_keys]
        limits = Limits(
            lifetime=settings.session_lifetime,
            idle_timeout=settings.session_idle_timeout,
            remember_lifetime=settings.session_remember_lifetime,
        )
        #{% if cookiecutter.session_backend == "redis" %}
        self.redis = Redis(settings.redis_url.get_secret_value())
        store = SessionStore(self.redis, self.database, limits)
        #{% elif cookiecutter.session_backend == "signed-cookie" %}
        store = SessionStore(self.database, limits)
        #{% else %}
        store = SessionStore(self.database)
        #{% endif %}
        self.sessions = Sessions(store, Tickets(keys), Seal(keys), limits, clock)
        self.throttle = Throttle(
            self.database, settings.login_max_failures, settings.login_window, clock
        )
        passwords = Passwords(settings.password_min_length, PROJECT["name"])
        self.accounts = Accounts(
            database=self.database,
            sessions=self.sessions,
            passwords=passwords,
            credentials=Credentials(self.database, passwords, self.throttle),
            clock=clock,
        )
        self.directory = Directory(self.database)

    async def ping(self) -> None:
        """Raise Unavailable unless everything that the app depends on answers."""
        await self.database.ping()
        #{% if cookiecutter.session_backend == "redis" %}
        await self.redis.ping()
        #{% endif %}

    async def purge(self, report: Callable[[int], None] = lambda _: None) -> int:
        """Delete whatever has expired or no longer counts; how many records.

        report: is told after each batch how many there are so far.
        """
        deleted = 0
        while True:
            began = time.monotonic()
            batch = await self._sweep()
            if not batch:
                return deleted
            deleted += batch
            report(deleted)
            # Requests that write try again after a few milliseconds: most of the time is theirs.
            await asyncio.sleep(PAUSE * (time.monotonic() - began))

    async def _sweep(self) -> int:
        #{% if cookiecutter.session_backend == "redis" %}
        # Redis forgets sessions by itself.
        return await self.throttle.sweep()
        #{% else %}
        return await self.sessions.sweep() + await self.throttle.sweep()
        #{% endif %}

    async def close(self) -> None:
        """Give the connections back."""
        await self.database.close()
        #{% if cookiecutter.session_backend == "redis" %}
        await self.redis.close()
        #{% endif %}
