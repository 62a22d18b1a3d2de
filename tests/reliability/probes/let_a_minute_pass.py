"""Let the mail be due that waits since the mail server could not be reached, as if time passed."""

import asyncio
import time

from app.config import Settings
from app.email.outbox import CLAIM_SECONDS
from app.models import OutgoingMail
from app.services import Services
from sqlalchemy import update


async def main() -> None:
    services = Services(Settings.load())
    now = time.time()
    # Not one that a worker has claimed.
    waits = (
        OutgoingMail.last_error.is_not(None),
        OutgoingMail.next_attempt_at < now + CLAIM_SECONDS / 2,
    )
    await services.database.execute(update(OutgoingMail).where(*waits).values(next_attempt_at=now))
    await services.close()


asyncio.run(main())
