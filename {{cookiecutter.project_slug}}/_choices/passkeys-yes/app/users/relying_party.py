"""What WebAuthn (level 3) asks of a site: options for browsers, and what to compare answers with.

Whatever is wrong with a passkey is answered alike; the log says what it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import webauthn
from cbor2 import CBORError
from sqlalchemy import Executable
from webauthn import helpers
from webauthn.helpers import structs
from webauthn.helpers.exceptions import WebAuthnException

from app import security_log
from app.config import PROJECT, Settings
from app.database import AnyRow
from app.errors import MALFORMED
from app.models import User
from app.users.cbor import check_authenticator_data, read_cbor
from app.users.challenges import CHALLENGE_SECONDS, Challenges
from app.users.errors import AccountError

_REQUIRED = structs.UserVerificationRequirement.REQUIRED


class PasskeyRefused(AccountError):
    """Whatever is wrong with it. The log says what."""

    status, text = 403, "This passkey was not accepted. Try again."


@contextmanager
def refusing(user_id: int) -> Iterator[None]:
    """Raise PasskeyRefused for whatever is wrong with a passkey. user_id: whose it is, or 0."""
    try:
        yield
    except (WebAuthnException, CBORError, *MALFORMED) as error:
        actor, reason = user_id or None, f"passkey: {error}"[:200]
        security_log.event("authn_login_fail", actor=actor, reason=reason, warning=True)
        raise PasskeyRefused from None


@dataclass(frozen=True)
class RelyingParty:
    """This site, as browsers see it. browser: what a challenge is bound to."""

    challenges: Challenges
    settings: Settings

    @property
    def id(self) -> str:
        """The domain that passkeys belong to. They work on no other."""
        return str(urlsplit(self.settings.public_url).hostname)

    def creation_options(
        self, user: User, handle: bytes, passkeys: Sequence[AnyRow], scope: str
    ) -> dict[str, Any]:
        """Return what ``navigator.credentials.create()`` takes.

        passkeys: what the user has. scope: what its challenge is for.
        """
        options = webauthn.generate_registration_options(
            rp_id=self.id,
            rp_name=PROJECT["name"],
            user_id=handle,
            user_name=user.name,
            challenge=self.challenges.new(scope),
            timeout=CHALLENGE_SECONDS * 1000,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                # The device finds it again without a list from here.
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=_REQUIRED,
            ),
            exclude_credentials=_describe(passkeys),
        )
        return helpers.options_to_json_dict(options)

    def request_options(
        self, user_id: int, passkeys: Sequence[AnyRow], browser: str
    ) -> dict[str, Any]:
        """Return what ``navigator.credentials.get()`` takes. passkeys: those that would do."""
        options = webauthn.generate_authentication_options(
            rp_id=self.id,
            challenge=self.challenges.new(f"get {user_id} {browser}"),
            timeout=CHALLENGE_SECONDS * 1000,
            allow_credentials=_describe(passkeys),
            user_verification=_REQUIRED,
        )
        return helpers.options_to_json_dict(options)

    def expect(self, client_data: bytes, scope: str) -> tuple[dict[str, Any], Executable]:
        """Return what to compare a response with, and the statement that uses its challenge up.

        client_data: what the browser says. scope: what the challenge has to be for. Raises one of
        those that ``refusing`` handles.
        """
        told = helpers.parse_client_data_json(client_data)
        if told.cross_origin:
            raise ValueError("it was asked for in a frame of another site")
        expected = {
            "expected_challenge": told.challenge,
            "expected_rp_id": self.id,
            "expected_origin": [self.settings.public_url, *self.settings.trusted_origins],
            "require_user_verification": True,
        }
        return expected, self.challenges.check(told.challenge, scope)


def without_attestation(made: bytes) -> bytes:
    """Return an attestation object without what it says of who made the authenticator.

    Nobody asks for it here (7.1, step 21), and its certificates are a stranger's.
    """
    data = read_cbor(made)["authData"]
    check_authenticator_data(data)
    return bytes(helpers.encode_cbor({"fmt": "none", "attStmt": {}, "authData": data}))


def _describe(passkeys: Sequence[AnyRow]) -> list[structs.PublicKeyCredentialDescriptor]:
    return [
        structs.PublicKeyCredentialDescriptor(
            each.id, transports=list(map(structs.AuthenticatorTransport, each.transports.split()))
        )
        for each in passkeys
    ]
