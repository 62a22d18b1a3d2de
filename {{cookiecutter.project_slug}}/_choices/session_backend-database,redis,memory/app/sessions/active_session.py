"""The session of a request."""

import json
from contextlib import suppress
from dataclasses import dataclass

from pydantic import JsonValue

from app.errors import StoreUnavailable
from app.sessions.encryption import SessionCipher
from app.sessions.session import Session, check_name, to_json
from app.sessions.store import SessionStore


@dataclass(slots=True)
class ActiveSession:
    """The record, its token, and small values: stored one by one, encrypted, gone with it.

    Every method but ``touch`` raises StoreUnavailable when the store is out of reach.
    """

    record: Session
    token: str
    store: SessionStore
    cipher: SessionCipher
    # Whether the response has to set the cookie.
    token_changed: bool = False

    def replace(self, record: Session, token: str) -> None:
        """Continue with another record and a new token."""
        self.record, self.token, self.token_changed = record, token, True

    async def touch(self, seen: Session) -> None:
        """Record that it was used, unless the store takes no writes: it can still be read.

        The idle timeout then goes on from the use that was recorded last.
        """
        with suppress(StoreUnavailable):
            await self.store.touch(self.record, seen)
            self.record = seen

    async def get(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return the value of that name, or the default."""
        return (await self.values()).get(name, default)

    async def values(self) -> dict[str, JsonValue]:
        """Return all values by name. What was encrypted with a removed key is gone, too."""
        values: dict[str, JsonValue] = {}
        for name, encrypted in (await self.store.values(self.record.key)).items():
            text = self.cipher.decrypt(encrypted, self._associated_data(name))
            if text is not None:
                values[name] = json.loads(text)
        return values

    async def set(self, name: str, value: JsonValue) -> None:
        """Keep a value under a name.

        Raises InvalidValue, TooMuchData, or SessionEnded when the session was revoked meanwhile.
        """
        check_name(name)
        encrypted = self.cipher.encrypt(to_json(value), self._associated_data(name))
        await self.store.set_value(self.record.key, name, encrypted)

    async def delete(self, name: str) -> None:
        """Delete the value of that name, if there is one.

        Raises InvalidValue, or SessionEnded when the session was revoked meanwhile.
        """
        check_name(name)
        await self.store.delete_value(self.record.key, name)

    def _associated_data(self, name: str) -> str:
        return f"{self.record.user_id} {name}"
