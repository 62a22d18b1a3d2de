"""The devices that people have signed in with: they are told by mail of one not seen before."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import or_, select, update

from app.database import Database
from app.email.outbox import Outbox
from app.engine import insert_or_update
from app.errors import TooManyRequests
from app.models import KnownDevice, User
from app.request_limit import RequestLimiter
from app.sessions.session import CLOCK_LEEWAY_SECONDS, ClientInfo
from app.user_agent import describe_browser
from app.users.rate_limit import subscriber

# How long a device counts as known, since it was used last to sign in.
KEEP_SECONDS = 180 * 86_400

# At most this many users' mails about new devices.
MAX_MAILS, MAILS_WINDOW_SECONDS = 5, 3_600


@dataclass(frozen=True)
class KnownDevices:
    """Every method raises StoreUnavailable. clock: Unix time in seconds."""

    database: Database
    outbox: Outbox
    limiter: RequestLimiter
    clock: Callable[[], float]

    async def note(self, user: User, client: ClientInfo) -> None:
        """Tell a user of a sign-in with a browser, or from an address, not seen before."""
        browser, address = describe_browser(client.user_agent), subscriber(client.ip)
        device = f"{user.id} {browser} {address}"
        key, now = hashlib.sha256(device.encode()).digest(), self.clock()
        of_user = KnownDevice.user_id == user.id
        seen = update(KnownDevice).where(KnownDevice.key == key).values(seen_at=now)
        if await self.database.execute(seen):
            return
        # Those of an account that slept for long are forgotten, and a thief must not pass for them.
        is_new = now - KEEP_SECONDS < user.created_at <= now + CLOCK_LEEWAY_SECONDS
        is_first = is_new and not (
            await self.database.fetch_one(select(KnownDevice.key).where(of_user))
        )
        if not is_first:
            try:
                await self.limiter.acquire(f"new device {user.id}", MAX_MAILS, MAILS_WINDOW_SECONDS)
            except TooManyRequests:
                # They have been told, and a thief must not bury what else they are told.
                return
        new = insert_or_update(KnownDevice).values(user_id=user.id, key=key, seen_at=now)
        mail = self.outbox.mail(user.email, "new_device", client)
        await self.database.change(
            new.on_conflict_do_nothing().returning(KnownDevice.key), *(() if is_first else (mail,))
        )

    async def delete_expired(self) -> int:
        """Delete a batch of devices that nobody has used for long, and return how many."""
        now = self.clock()
        # Nor is one known for years that was seen while the clock was wrong.
        is_future = KnownDevice.seen_at > now + KEEP_SECONDS
        old = or_(KnownDevice.seen_at <= now - KEEP_SECONDS, is_future)
        return await self.database.delete_batch(KnownDevice.key, old)
