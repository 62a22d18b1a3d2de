"""The session of a request."""

import json
from contextlib import suppress
from dataclasses import dataclass

from itsdangerous.encoding import base64_decode, base64_encode
from pydantic import JsonValue

from app.errors import StoreUnavailable
from app.sessions.encryption import SessionCipher
from app.sessions.session import Session, SessionEnded, check_name, to_json
from app.sessions.store import SessionStore
from app.sessions.token import SessionTokens


@dataclass(slots=True)
class ActiveSession:
    """The record, its token, and small values: encrypted, in the token, gone with it.

    Of two requests that set a value at once, the response that arrives last wins.
    """

    record: Session
    token: str
    store: SessionStore
    cipher: SessionCipher
    tokens: SessionTokens
    # Whether the response has to set the cookie.
    token_changed: bool = False
    # Whether it is too late for that.
    is_cookie_sent: bool = False
    # Whether the new token says no more than when the session was last used.
    is_only_seen: bool = False

    def replace(self, record: Session, token: str) -> None:
        """Continue with another record and a new token."""
        self.record, self.token, self.token_changed = record, token, True
        self.is_only_seen = False

    async def touch(self, seen: Session) -> None:
        """Record that it was used."""
        self._change(seen)
        self.is_only_seen = True

    async def drop_stale_token(self) -> None:
        """Hand out no token of a session that has ended since.

        The browser may have got another one meanwhile, which this one would replace.
        """
        if not self.is_only_seen:
            return
        with suppress(StoreUnavailable, SessionEnded):
            await self._check_revoked()
            return
        self.token_changed = False

    async def revoke_others(self) -> None:
        """End every other session of the same user. Raises SessionEnded when this one was."""
        self._check_cookie()
        version = await self.store.delete_others(self.record)
        if version is None:
            raise SessionEnded
        self._change(self.record._replace(session_version=version))

    async def get(self, name: str, default: JsonValue = None) -> JsonValue:
        """Return the value of that name, or the default."""
        return (await self.values()).get(name, default)

    async def values(self) -> dict[str, JsonValue]:
        """Return all values by name. What was encrypted with a removed key is gone, too."""
        text = self.cipher.decrypt(base64_decode(self.record.data), self._associated_data)
        values: dict[str, JsonValue] = json.loads(text) if text else {}
        return values

    async def set(self, name: str, value: JsonValue) -> None:
        """Keep a value under a name.

        Raises InvalidValue, TooMuchData, or SessionEnded when the session was revoked meanwhile.
        """
        check_name(name)
        self._check_cookie()
        to_json(value)
        await self._check_revoked()
        self._store_values({**await self.values(), name: value})

    async def delete(self, name: str) -> None:
        """Delete the value of that name, if there is one.

        Raises InvalidValue, or SessionEnded when the session was revoked meanwhile.
        """
        check_name(name)
        self._check_cookie()
        await self._check_revoked()
        values = await self.values()
        if name in values:
            del values[name]
            self._store_values(values)

    def _check_cookie(self) -> None:
        # What changes now would be lost without a word.
        if self.is_cookie_sent:
            raise RuntimeError(
                "The cookie that holds the session was sent already: change the session before the "
                "response starts, not in a background task, a stream or a WebSocket."
            )

    async def _check_revoked(self) -> None:
        # Its new token would open nothing, and the value be lost without a word.
        if await self.store.get(self.record, self.record.last_seen_at) is None:
            raise SessionEnded

    def _store_values(self, values: dict[str, JsonValue]) -> None:
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        encrypted = self.cipher.encrypt(text, self._associated_data) if values else b""
        self._change(self.record._replace(data=base64_encode(encrypted).decode("ascii")))

    def _change(self, record: Session) -> None:
        """Issue a token for the changed session. Raises TooMuchData when it grows too large."""
        self.replace(record, self.tokens.sign(record))

    @property
    def _associated_data(self) -> str:
        return str(self.record.user_id)
