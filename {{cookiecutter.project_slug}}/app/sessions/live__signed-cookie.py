"""A session as one request holds it."""

import json

from itsdangerous.encoding import base64_decode, base64_encode
from pydantic import JsonValue

from app.sessions.seal import Seal
from app.sessions.session import Session, SessionEnded
from app.sessions.store import SessionStore
from app.sessions.ticket import Tickets
from app.sessions.values import check_name, to_text


class LiveSession:
    """The record, and small values kept with it: encrypted, in the ticket, gone with it.

    Of two requests that set a value at once, the answer that arrives last wins.
    """

    __slots__ = ("_seal", "_store", "_tickets", "has_new_ticket", "record", "ticket")

    def __init__(
        self, record: Session, ticket: str, store: SessionStore, seal: Seal, tickets: Tickets
    ) -> None:
        self.record = record
        self.ticket = ticket
        self.has_new_ticket = False
        """Whether the answer has to hand the ticket out."""
        self._store = store
        self._seal = seal
        self._tickets = tickets

    def replace(self, record: Session, ticket: str) -> None:
        """Go on under another record, and a new ticket."""
        self.record, self.ticket, self.has_new_ticket = record, ticket, True

    def change(self, record: Session) -> None:
        """Let the ticket say something else. Raises TooMuchData when it grows too large."""
        self.replace(record, self._tickets.write(record))

    async def touch(self, seen: Session) -> None:
        """Note that it was used."""
        self.change(seen)

    async def end_others(self) -> None:
        """End every other session of the same user. Raises SessionEnded when this one was."""
        epoch = await self._store.remove_others(self.record)
        if epoch is None:
            raise SessionEnded
        self.change(self.record._replace(epoch=epoch))

    async def get(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return the value of that name, or the default."""
        return (await self.values()).get(name, default)

    async def values(self) -> dict[str, JsonValue]:
        """Return all values by name. What was sealed with a key that is gone is gone, too."""
        text = self._seal.open(base64_decode(self.record.data), self._place)
        values: dict[str, JsonValue] = json.loads(text) if text else {}
        return values

    async def set(self, name: str, value: JsonValue) -> None:
        """Keep a value under a name. Raises InvalidValue or TooMuchData."""
        check_name(name)
        to_text(value)
        self._keep({**await self.values(), name: value})

    async def delete(self, name: str) -> None:
        """Forget the value of that name, if there is one. Raises InvalidValue."""
        check_name(name)
        values = await self.values()
        if name in values:
            del values[name]
            self._keep(values)

    def _keep(self, values: dict[str, JsonValue]) -> None:
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        sealed = self._seal.close(text, self._place) if values else b""
        self.change(self.record._replace(data=base64_encode(sealed).decode("ascii")))

    @property
    def _place(self) -> str:
        return str(self.record.user_id)
