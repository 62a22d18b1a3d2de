"""The outbox: mail is stored with the change that it is about, and sent afterwards.

What was rolled back is never sent, and what was committed is, by whichever worker comes first. A
mail goes out twice only if a worker is killed, or loses its connection, between the moment in which
the mail server accepts it and the one in which that is noted.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, delete, insert, select, update

from app.config import Settings
from app.database import AnyRow, Database
from app.email.messages import MailText, write
from app.email.smtp import Refused, Unreachable, connect, send
from app.errors import StoreUnavailable
from app.models import OutgoingMail
from app.sessions.encryption import SessionCipher
from app.sessions.session import ClientInfo

LOGGER = logging.getLogger(__name__)

POLL_SECONDS = 2
BATCH = 20
# Another worker may try again after this time: longer than a batch can take.
CLAIM_SECONDS = 900
# The pause after the first failure; it doubles with each one, up to the longest.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 60, 3_600
# When a mail is given up (RFC 5321, 4.5.4.1, asks for days; links would have expired long before).
GIVE_UP_SECONDS = 86_400
# How long a mail that was given up, or that nobody was asked to send, is kept.
KEEP_SECONDS = 30 * 86_400


@dataclass(frozen=True)
class Outbox:
    """Stores and sends mail. clock: Unix time in seconds."""

    database: Database
    cipher: SessionCipher
    settings: Settings
    clock: Callable[[], float]

    def mail(self, recipient: str, template: str, client: ClientInfo, **values: Any) -> Executable:
        """Return the statement that stores a mail, for the transaction of what it is about."""
        now = self.clock()
        mail = write(template, client, now, public_url=self.settings.public_url, **values)
        texts = json.dumps([mail.text, mail.html]).encode()
        return insert(OutgoingMail).values(
            recipient=recipient,
            subject=mail.subject,
            encrypted=self.cipher.encrypt(texts, recipient),
            created_at=now,
            next_attempt_at=now,
        )

    def texts_of(self, row: AnyRow) -> MailText | None:
        """Return what a stored mail says; None when its key is not in SECRET_KEYS any more."""
        texts = self.cipher.decrypt(row.encrypted, row.recipient)
        return MailText(row.subject, *json.loads(texts)) if texts else None

    async def list_all(self) -> Sequence[AnyRow]:
        """Return every mail that is stored, the newest first."""
        columns = OutgoingMail.__table__.columns
        return await self.database.fetch_all(select(*columns).order_by(OutgoingMail.id.desc()))

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send mail in the background, where there is a mail server to send it to."""
        if not self.settings.mail_url.get_secret_value():
            yield
            return
        task = asyncio.create_task(self._run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.send_waiting()
            except StoreUnavailable as error:
                LOGGER.warning("Mail has to wait, a store is out of reach: %s", error.cause)
            except Exception:
                LOGGER.exception("Mail has to wait.")

    async def send_waiting(self) -> int:
        """Send what is due; return how many mails were accepted. Raises StoreUnavailable."""
        sent = 0
        while waiting := list(await self._claim()):
            try:
                async with connect(self.settings.mail_url.get_secret_value()) as server:
                    while waiting:
                        sent += await self._send(server, waiting[0])
                        del waiting[0]
            except Unreachable as error:
                for row in waiting:
                    await self._postpone(row, str(error))
        return sent

    async def delete_expired(self) -> int:
        """Delete a batch of mails that were kept for long enough; how many."""
        old = OutgoingMail.created_at <= self.clock() - KEEP_SECONDS
        return await self.database.delete_batch(OutgoingMail.id, old)

    async def _claim(self) -> Sequence[AnyRow]:
        """Take mails that are due, so that no other worker sends them as well."""
        now = self.clock()
        is_due = OutgoingMail.next_attempt_at <= now
        # Looking first, since an update may lock the whole database each time.
        if not await self.database.fetch_one(select(OutgoingMail.id).where(is_due).limit(1)):
            return ()
        due = select(OutgoingMail.id).where(is_due).order_by(OutgoingMail.id).limit(BATCH)
        return await self.database.fetch_all(
            update(OutgoingMail)
            .where(OutgoingMail.id.in_(due.with_for_update(skip_locked=True)), is_due)
            .values(next_attempt_at=now + CLAIM_SECONDS, attempts=OutgoingMail.attempts + 1)
            .returning(*OutgoingMail.__table__.columns)
        )

    async def _send(self, server: Any, row: AnyRow) -> bool:
        texts = self.texts_of(row)
        if texts is None:
            await self._give_up(row, "It was encrypted with a key that is not in SECRET_KEYS.")
            return False
        try:
            await send(server, self.settings.mail_from, row.recipient, texts)
        except Refused as error:
            if error.is_final:
                await self._give_up(row, str(error))
            else:
                await self._postpone(row, str(error))
            return False
        await self.database.execute(delete(OutgoingMail).where(OutgoingMail.id == row.id))
        return True

    async def _postpone(self, row: AnyRow, reason: str) -> None:
        now = self.clock()
        if now - row.created_at >= GIVE_UP_SECONDS:
            await self._give_up(row, reason)
            return
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (row.attempts - 1), MAX_PAUSE_SECONDS)
        # The last attempt is after a day, whatever the pause would be.
        next_attempt_at = min(now + pause, max(now + 1, row.created_at + GIVE_UP_SECONDS))
        await self._note(row, reason, next_attempt_at)

    async def _give_up(self, row: AnyRow, reason: str) -> None:
        LOGGER.error("Mail %d cannot be delivered and was given up: %s", row.id, reason)
        await self._note(row, reason, None)

    async def _note(self, row: AnyRow, reason: str, next_attempt_at: float | None) -> None:
        await self.database.execute(
            update(OutgoingMail)
            .where(OutgoingMail.id == row.id)
            .values(next_attempt_at=next_attempt_at, last_error=reason[:500])
        )
