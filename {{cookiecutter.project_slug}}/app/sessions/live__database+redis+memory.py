"""A session as one request holds it."""

import json
from contextlib import suppress

from pydantic import JsonValue

from app.sessions.seal import Seal
from app.sessions.session import Session
from app.sessions.store import SessionStore
from app.sessions.values import check_name, to_text
from app.unavailable import Unavailable


class LiveSession:
    """The record, and small values kept with it: one name at a time, encrypted, gone with it.

    Every other method than ``touch`` raises Unavailable when the store is out of reach.
    """

    __slots__ = ("_seal", "_store", "has_new_ticket", "record", "ticket")

    def __init__(self, record: Session, ticket: str, store: SessionStore, seal: Seal) -> None:
        self.record = record
        self.ticket = ticket
        self.has_new_ticket = False
        """Whether the answer has to hand the ticket out."""
        self._store = store
        self._seal = seal

    def replace(self, record: Session, ticket: str) -> None:
        """Go on under another record, and a new ticket."""
        self.record, self.ticket, self.has_new_ticket = record, ticket, True

    async def touch(self, seen: Session) -> None:
        """Note that it was used, unless the store takes no writes: it is still good to be read.

        The idle limit then goes on from the use that was noted last.
        """
        with suppress(Unavailable):
            await self._store.touch(self.record, seen)
            self.record = seen

    async def end_others(self) -> None:
        """End every other session of the same user."""
        await self._store.remove_others(self.record)

    async def get(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return the value of that name, or the default."""
        return (await self.values()).get(name, default)

    async def values(self) -> dict[str, JsonValue]:
        """Return all values by name. What was sealed with a key that is gone is gone, too."""
        values: dict[str, JsonValue] = {}
        for name, sealed in (await self._store.values(self.record.key)).items():
            text = self._seal.open(sealed, self._place(name))
            if text is not None:
                values[name] = json.loads(text)
        return values

    async def set(self, name: str, value: JsonValue) -> None:
        """Keep a value under a name.

        Raises InvalidValue, TooMuchData, or SessionEnded when the session was ended meanwhile.
        """
        check_name(name)
        sealed = self._seal.close(to_text(value), self._place(name))
        await self._store.set_value(self.record.key, name, sealed)

    async def delete(self, name: str) -> None:
        """Forget the value of that name, if there is one.

        Raises InvalidValue, or SessionEnded when the session was ended meanwhile.
        """
        check_name(name)
        await self._store.delete_value(self.record.key, name)

    def _place(self, name: str) -> str:
        return f"{self.record.user_id} {name}"
