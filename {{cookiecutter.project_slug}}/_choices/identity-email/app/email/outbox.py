"""The outbox: mail is stored with the change that it is about, and sent afterwards.

What was rolled back is never sent, and what was committed is, by whichever worker comes first. A
mail goes out twice only if a worker is killed, or loses the mail server or the database, between
the moment in which the mail is accepted and the one in which that is noted. Both then have the same
Message-ID.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cached_property
from typing import Any

from sqlalchemy import Executable, case, delete, insert, or_, select, update

from app.config import Settings
from app.database import AnyRow, Database
from app.email.messages import MailText, write
from app.email.smtp import SEND_SECONDS, Refused, Unreachable, compose, send
from app.errors import StoreUnavailable
from app.mail_settings import smtp_options
from app.models import OutgoingMail
from app.sessions.encryption import SessionCipher
from app.sessions.session import CLOCK_LEEWAY_SECONDS, ClientInfo

LOGGER = logging.getLogger(__name__)

POLL_SECONDS = 2
# What became of a mail is noted in so many attempts, POLL_SECONDS apart: a table may be locked.
NOTE_ATTEMPTS = 30
# Another worker may try again after this time: longer than sending and noting can take.
CLAIM_SECONDS = SEND_SECONDS + 600
# How long a server that is stopped waits for the mail that is on its way: cut off, it goes twice.
STOP_SECONDS = 10
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

    def mail(
        self, recipient: str, template: str, client: ClientInfo, /, **values: Any
    ) -> Executable:
        """Return the statement that stores a mail, for the transaction of what it is about."""
        now = self.clock()
        mail = write(template, client, now, **{"public_url": self.settings.public_url, **values})
        texts = json.dumps([mail.text, mail.html]).encode()
        return insert(OutgoingMail).values(
            recipient=recipient,
            subject=mail.subject,
            encrypted=self.cipher.encrypt(texts, recipient),
            created_at=now,
            # A mail server that is set up one day is not for what was tried out before.
            next_attempt_at=now if self.settings.mail_url.get_secret_value() else None,
        )

    def texts_of(self, row: AnyRow) -> MailText | None:
        """Return what a stored mail says; None when its key is not in SECRET_KEYS any more."""
        texts = self.cipher.decrypt(row.encrypted, row.recipient)
        return MailText(row.subject, *json.loads(texts)) if texts else None

    @cached_property
    def _server(self) -> dict[str, Any]:
        # Made once: to read the authorities of a machine takes longer than to send a mail.
        return smtp_options(self.settings.mail_url.get_secret_value())

    async def list_all(self) -> Sequence[AnyRow]:
        """Return every mail that is stored, the newest first."""
        newest_first = select(OutgoingMail).order_by(OutgoingMail.id.desc())
        return await self.database.fetch_all(newest_first)

    async def list_failed(self) -> Sequence[AnyRow]:
        """Return what is known of the mails that failed so far, but not what they say."""
        columns = [each for each in OutgoingMail.__table__.columns if each.key != "encrypted"]
        failed = select(*columns).where(OutgoingMail.last_error.is_not(None))
        return await self.database.fetch_all(failed.order_by(OutgoingMail.id.desc()))

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send mail in the background, where there is a mail server to send it to."""
        if not self.settings.mail_url.get_secret_value():
            yield
            return
        stopping = asyncio.Event()
        task = asyncio.create_task(self._run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait([task], timeout=STOP_SECONDS)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.send_waiting(stopping)
            except Unreachable:
                # Why is in the log already.
                pass
            except StoreUnavailable as error:
                LOGGER.warning("Mail has to wait, a store is out of reach: %s", error.reason)
            except Exception:
                LOGGER.exception("Mail has to wait.")
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), POLL_SECONDS)

    async def send_waiting(self, stopping: asyncio.Event | None = None) -> int:
        """Send what is due, one after the other; return how many mails were accepted.

        Raises StoreUnavailable, and Unreachable: the mail server has had enough of this worker for
        now, and a mail that it cannot bear does not hold up the others for longer.
        """
        sent = 0
        while not (stopping and stopping.is_set()) and (row := await self._claim()):
            sent += await self._send(row)
        return sent

    async def delete_expired(self) -> int:
        """Delete a batch of mails that were kept for long enough, and return how many."""
        old = OutgoingMail.created_at <= self.clock() - KEEP_SECONDS
        return await self.database.delete_batch(OutgoingMail.id, old)

    async def _claim(self) -> AnyRow | None:
        """Take the mail that is due for longest, so that no other worker sends it as well."""
        now = self.clock()
        # Nor does a mail wait for years that was written while the clock was wrong.
        latest = now + MAX_PAUSE_SECONDS + CLOCK_LEEWAY_SECONDS
        at, created_at = OutgoingMail.next_attempt_at, OutgoingMail.created_at
        is_due = or_(at <= now, at > latest)
        due = select(OutgoingMail.id).where(is_due)
        first = due.order_by(OutgoingMail.next_attempt_at, OutgoingMail.id).limit(1)
        # Looking first, since an update may lock the whole database each time.
        if not await self.database.fetch_one(first):
            return None
        unclaimed = first.with_for_update(skip_locked=True).scalar_subquery()
        return await self.database.fetch_one(
            update(OutgoingMail)
            .where(OutgoingMail.id == unclaimed)
            .values(
                next_attempt_at=now + CLAIM_SECONDS,
                attempts=OutgoingMail.attempts + 1,
                # By a clock that was ahead, it would never be old enough to be given up.
                created_at=case((created_at > now, now), else_=created_at),
            )
            .returning(OutgoingMail)
        )

    async def _send(self, row: AnyRow) -> bool:
        # As after a backup was restored: what it says is no news, and its link has expired.
        if row.attempts == 1 and self.clock() > row.created_at + GIVE_UP_SECONDS:
            await self._put_off(row, "It is older than a day.", is_final=True)
            return False
        try:
            await send(self._server, self._message(row))
        except Unreachable as error:
            await self._put_off(row, str(error), is_final=False)
            raise
        except Refused as error:
            await self._put_off(row, str(error), is_final=error.is_final)
            return False
        await self._note(delete(OutgoingMail).where(OutgoingMail.id == row.id))
        return True

    def _message(self, row: AnyRow) -> EmailMessage:
        texts = self.texts_of(row)
        if texts is None:
            raise Refused("It was encrypted with a key that is not in SECRET_KEYS.", is_final=True)
        message_id = hashlib.sha256(row.encrypted).hexdigest()[:32]
        sender = self.settings.mail_from
        return compose(sender, row.recipient, texts, message_id, row.created_at)

    async def _put_off(self, row: AnyRow, reason: str, *, is_final: bool) -> None:
        """Let a mail wait for the next attempt, or give it up."""
        now, last_attempt_at = self.clock(), row.created_at + GIVE_UP_SECONDS
        next_attempt_at = None
        if is_final or now >= last_attempt_at:
            LOGGER.error("Mail %d cannot be delivered and was given up: %s", row.id, reason)
        else:
            LOGGER.warning("Mail %d has to wait: %s", row.id, reason)
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (row.attempts - 1), MAX_PAUSE_SECONDS)
            next_attempt_at = min(now + pause, last_attempt_at)
        await self._note(
            update(OutgoingMail)
            .where(OutgoingMail.id == row.id)
            .values(next_attempt_at=next_attempt_at, last_error=reason[:500])
        )

    async def _note(self, statement: Executable) -> None:
        """Write down what became of a mail: once the database can be reached, or never."""
        for _ in range(NOTE_ATTEMPTS - 1):
            try:
                await self.database.execute(statement)
            except StoreUnavailable as error:
                LOGGER.warning("What became of a mail cannot be noted yet: %s", error.reason)
                await asyncio.sleep(POLL_SECONDS)
            else:
                return
        await self.database.execute(statement)
