"""Passkeys (WebAuthn, level 3): people sign in with a key that their own device keeps.

A site that only looks like this one gets nothing: the browser tells the device which site asks. The
device asks for a fingerprint or a PIN before it signs, so a passkey is two factors.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import webauthn
from sqlalchemy import Executable, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from webauthn import helpers
from webauthn.helpers import bytes_to_base64url

from app import security_log
from app.database import AnyRow
from app.engine import insert_or_update
from app.models import Passkey, User, UserHandle
from app.sessions.session import Amr, SignIn
from app.users.cbor import check_authenticator_data, read_cbor
from app.users.errors import AccountError, SignInFailed
from app.users.passkey_names import guess_name
from app.users.relying_party import (
    PasskeyRefused,
    RelyingParty,
    refusing,
    without_attestation,
)
from app.users.service import AuthContext, UserService
from app.users.ways_in import count_ways, has_password

MAX_PASSKEYS = 20
MAX_NAME_CHARACTERS = 64
# What WebAuthn allows for a credential ID, and more than any public key that is in use has.
MAX_ID_BYTES = MAX_KEY_BYTES = 1023
# Recommended (14.6.1).
HANDLE_BYTES = 64

_OF_ACCOUNT = (User.is_active, User.session_version)


class PasskeyUnknown(AccountError):
    """Removed, or never added. Ids are random, so that nobody can find one by asking."""

    status, text = 404, "This passkey is no longer registered here. Sign in another way."


class PasskeyConflict(AccountError):
    """What was asked for does not go together with what the account has."""

    status = 409


@dataclass(frozen=True)
class Passkeys:
    """Adds passkeys, uses them, removes them. Every method raises StoreUnavailable.

    browser: what a challenge is bound to. credential: as a browser gives it, in JSON.
    """

    users: UserService
    site: RelyingParty

    async def kinds_of(self, user_id: int) -> list[str]:
        """Return the name of this factor, if that user has it."""
        return ["passkey"] if await self.list_for_user(user_id) else []

    def deletions(self, user_id: int) -> list[Executable]:
        """Return the statements that take it away from that user."""
        return [delete(Passkey).where(Passkey.user_id == user_id)]

    async def list_for_user(self, user_id: int) -> Sequence[AnyRow]:
        """Return the passkeys of a user, the oldest first."""
        of_user = select(Passkey).where(Passkey.user_id == user_id)
        return await self.users.database.fetch_all(of_user.order_by(Passkey.created_at, Passkey.id))

    async def creation_options(self, auth: AuthContext, browser: str) -> dict[str, Any]:
        """Return what ``navigator.credentials.create()`` takes. Raises PasskeyConflict."""
        user, passkeys = auth.user, await self._list_before_adding(auth)
        handle = secrets.token_bytes(HANDLE_BYTES)
        new = insert_or_update(UserHandle).values(user_id=user.id, handle=handle)
        # Where there is one already, it stays.
        kept = new.on_conflict_do_update(index_elements=["user_id"], set_={"user_id": user.id})
        [row] = await self.users.database.fetch_all(kept.returning(UserHandle.handle))
        scope = _creation(auth, browser)
        return self.site.creation_options(user, row.handle, passkeys, scope)

    async def add(
        self, auth: AuthContext, credential: dict[str, Any], browser: str, name: str
    ) -> tuple[str, str]:
        """Add a passkey that was just made; return its id and its name. Other sessions end.

        name: empty for a guess. Raises PasskeyRefused, PasskeyConflict or SessionEnded.
        """
        with refusing(auth.user.id):
            made = helpers.parse_registration_credential_json(credential)
            scope = _creation(auth, browser)
            expected, used = self.site.expect(made.response.client_data_json, scope)
            made.response.attestation_object = without_attestation(made.response.attestation_object)
            new = webauthn.verify_registration_response(credential=made, **expected)
            if len(new.credential_id) > MAX_ID_BYTES:
                raise ValueError("its id is too long")
            if len(new.credential_public_key) > MAX_KEY_BYTES:
                raise ValueError("its key is too long")
        # What is added meanwhile ends this session, and then nothing is added here.
        await self._list_before_adding(auth)
        name = name or guess_name(new.aaguid, auth.client.user_agent)[:MAX_NAME_CHARACTERS]
        added = insert(Passkey).values(
            id=new.credential_id,
            user_id=auth.user.id,
            name=name,
            public_key=new.credential_public_key,
            sign_count=new.sign_count,
            # Each once, however often it was sent.
            transports=" ".join(dict.fromkeys(made.response.transports or ())),
            created_at=self.users.clock(),
        )
        try:
            await self.users.change_own(auth, "passkey added", added, used, amr=Amr.POP)
        except IntegrityError:
            raise PasskeyConflict("This passkey has already been added.") from None
        return bytes_to_base64url(new.credential_id), name

    async def request_options(self, browser: str, user: User | None = None) -> dict[str, Any]:
        """Return what ``navigator.credentials.get()`` takes.

        user: who is signed in. To a stranger no passkey is named: it would tell who has an account.
        """
        user_id, passkeys = (user.id, await self.list_for_user(user.id)) if user else (0, ())
        return self.site.request_options(user_id, passkeys, browser)

    async def sign_in(self, credential: dict[str, Any], browser: str) -> SignIn:
        """Begin a sign-in. Raises PasskeyUnknown, or SignInFailed for every other reason alike."""
        try:
            return await self._use(credential, browser)
        except PasskeyRefused as error:
            raise SignInFailed(str(error)) from None

    async def confirm(self, auth: AuthContext, credential: dict[str, Any], browser: str) -> None:
        """Let a signed-in user prove again who they are; the session gets a new token.

        Raises PasskeyRefused, PasskeyUnknown, or SessionEnded when it was revoked meanwhile.
        """
        await self._use(credential, browser, auth.user.id)
        await self.users.renew(auth, Amr.POP)

    async def handle_of(self, user_id: int) -> bytes | None:
        """Return what authenticators know a user by; None if none was ever asked for a passkey."""
        of_user = UserHandle.user_id == user_id
        row = await self.users.database.fetch_one(select(UserHandle.handle).where(of_user))
        return row.handle if row else None

    async def rename(self, user: User, passkey_id: str, name: str) -> None:
        """Give a passkey another name. Raises PasskeyUnknown."""
        passkey = await self._find(user, passkey_id)
        renamed = update(Passkey).where(Passkey.id == passkey.id).values(name=name)
        await self.users.database.execute(renamed)

    async def remove(self, auth: AuthContext, passkey_id: str) -> None:
        """Remove a passkey. Other sessions end.

        Raises PasskeyUnknown, PasskeyConflict for the last way to sign in, or SessionEnded.
        """
        passkey = await self._find(auth.user, passkey_id)
        # What is removed meanwhile ends this session, and then nothing is removed here.
        if await self._count_ways(auth.user) == 1:
            raise PasskeyConflict("You would no longer be able to sign in. Set a password first.")
        removed = delete(Passkey).where(Passkey.id == passkey.id)
        await self.users.change_own(auth, "passkey removed", removed)

    async def remove_password(self, auth: AuthContext) -> None:
        """Let a user sign in without a password. Other sessions end.

        Raises PasskeyConflict for the last way to sign in, or SessionEnded.
        """
        if await self._count_ways(auth.user) == 1:
            raise PasskeyConflict("You would no longer be able to sign in. Add a passkey first.")
        await self.users.change_own(auth, "password removed", password_hash=None)

    async def set_password(self, auth: AuthContext, new: str) -> None:
        """Set the password of a user who has none. Other sessions end.

        Raises PasswordRejected, PasskeyConflict or SessionEnded.
        """
        if await has_password(self.users.database, auth.user.id):
            raise PasskeyConflict("You already have a password. Change it instead.")
        new_hash = await self.users.passwords.hash(new, auth.user.name)
        await self.users.change_own(
            auth, "password changed", event="authn_password_change", password_hash=new_hash
        )

    async def _use(self, credential: dict[str, Any], browser: str, user_id: int = 0) -> SignIn:
        """Check a passkey, and count that it was used. user_id: whose it has to be; 0 for anybody.

        Raises PasskeyRefused or PasskeyUnknown. The check takes a third of a millisecond.
        """
        with refusing(user_id):
            shown = helpers.parse_authentication_credential_json(credential)
            scope = f"get {user_id} {browser}"
            expected, used = self.site.expect(shown.response.client_data_json, scope)
            check_authenticator_data(shown.response.authenticator_data)
        row = await self.users.database.fetch_one(
            select(Passkey, UserHandle.handle, *_OF_ACCOUNT)
            .join(User, User.id == Passkey.user_id)
            .join(UserHandle, UserHandle.user_id == User.id)
            .where(Passkey.id == shown.raw_id)
        )
        if row is None:
            security_log.event("authn_login_fail", reason="passkey: unknown", warning=True)
            raise PasskeyUnknown
        with refusing(row.user_id):
            # It may have been added before tags were refused.
            read_cbor(row.public_key)
            verified = webauthn.verify_authentication_response(
                credential=shown,
                credential_public_key=row.public_key,
                # It is compared by the statement that writes it.
                credential_current_sign_count=0,
                **expected,
            )
            # Asked for those of one user, an authenticator may leave the handle out.
            handle = shown.response.user_handle or (user_id and row.handle)
            if not row.is_active:
                # Not unknown: a password manager would be told to forget it.
                raise ValueError("the account is disabled")
            if handle != row.handle or user_id not in (0, row.user_id):
                raise ValueError("it is another user's")
            await self._count(row.id, verified.new_sign_count, used)
        return SignIn(row.user_id, row.session_version, Amr.POP)

    async def _count(self, passkey_id: bytes, count: int, used: Executable) -> None:
        """Note that a passkey was used. count: what its authenticator says. Raises ValueError."""
        # Those that count nothing always say 0.
        is_ahead = Passkey.sign_count < count if count else Passkey.sign_count == 0
        values = {"sign_count": count, "last_used_at": self.users.clock()}
        counted = update(Passkey).where(Passkey.id == passkey_id, is_ahead).values(values)
        try:
            row = await self.users.database.change(counted.returning(Passkey.id), used)
        except IntegrityError:
            raise ValueError("the challenge was used before") from None
        if row is None:
            raise ValueError("its counter went back: somebody may have a copy")

    async def _list_before_adding(self, auth: AuthContext) -> Sequence[AnyRow]:
        """Return what a user has, who wants one more. Raises PasskeyConflict."""
        passkeys = await self.list_for_user(auth.user.id)
        if len(passkeys) >= MAX_PASSKEYS:
            raise PasskeyConflict(f"You have {MAX_PASSKEYS} passkeys. Remove one first.")
        return passkeys

    async def _count_ways(self, user: User) -> int:
        """Return how many ways to sign in a user has."""
        #{% if cookiecutter.oidc %}
        return await count_ways(self.users.database, user.id, self.site.settings)
        #{% else %}
        return await count_ways(self.users.database, user.id)
        #{% endif %}

    async def _find(self, user: User, passkey_id: str) -> AnyRow:
        """Return a passkey of the user's. Raises PasskeyUnknown."""
        for each in await self.list_for_user(user.id):
            if bytes_to_base64url(each.id) == passkey_id:
                return each
        raise PasskeyUnknown


def _creation(auth: AuthContext, browser: str) -> str:
    """Return what the challenge of a new passkey is for: the session that was fresh, and no other.

    Its token changes, and when it began does not.
    """
    return f"create {auth.user.id} {auth.session.record.created_at} {browser}"
