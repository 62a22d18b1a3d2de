"""Passkeys."""

from tests.mutants.mutant import At

PASSKEY_TESTS = (
    "tests/test_passkeys.py",
    "tests/attacks/test_passkey_attacks.py",
    "tests/attacks/test_malformed_passkeys.py",
)

# One row per mutant; a formatter would give every item of a long row its own line.
# fmt: off
MUTANTS = (
    *At("app/users/cbor.py", "tests/attacks/test_malformed_passkeys.py", passkeys="yes").faults(
        (0, "a stranger's regular expression is compiled",
         ", semantic_decoders=_EVERY_TAG", ""),
        (0, "a stranger's regular expression hides in a key",
         "if not rest.startswith(item):", "if not item:"),
        (0, "what an authenticator sends may be of any length",
         "if len(data) > MAX_AUTHENTICATOR_DATA_BYTES:", "if not data:"),
    ),
    *At("app/users/passkeys.py", "tests/attacks/test_malformed_passkeys.py", passkeys="yes").faults(
        (0, "what is sent to sign in is read as it is",
         "            check_authenticator_data(shown.response.authenticator_data)\n", ""),
    ),
    *At("app/users/challenges.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (81, "a challenge is good for ever",
         "is_current(expires_at, CHALLENGE_SECONDS, self.clock())", "expires_at"),
        (81, "a challenge of a clock far ahead is good for years",
         "is_current(expires_at, CHALLENGE_SECONDS, self.clock())", "self.clock() < expires_at"),
        (81, "a challenge is signed for anything", "app.users.challenges {scope}",
         "app.users.challenges"),
        (81, "a challenge spelled otherwise is a new one",
         'b"challenge " + value', 'b"challenge " + challenge'),
        (81, "a challenge is guessed", "unsign(challenge)", "unsign(self._signer(scope).sign(\n"
         "                challenge.rpartition(b\".\")[0]))"),
    ),
    *At("app/api/passkeys.py", *PASSKEY_TESTS[1:], passkeys="yes").faults(
        (81, "a stranger's cookie comes back in a header, or makes the app fail",
         " and _BROWSER.fullmatch(values[0])", ""),
    ),
    *At("app/users/relying_party.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (81, "nobody has to be verified", '"require_user_verification": True',
         '"require_user_verification": False'),
        (81, "a frame of another site asks for a passkey", "if told.cross_origin:", "if not told:"),
        (81, "one challenge for every browser", '"get {user_id} {browser}"', '"get {user_id} "'),
        (81, "what is wrong is not in the log",
         '        security_log.event("authn_login_fail", actor=actor, reason=reason, '
         "warning=True)\n",
         "        del actor, reason\n"),
    ),
    *At("app/errors.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (0, "a stranger's bytes are an error of the server", "    RecursionError,\n", ""),
    ),
    *At("app/users/passkeys.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (81, "a counter may go back",
         "Passkey.sign_count < count if count else Passkey.sign_count == 0",
         "Passkey.sign_count >= 0"),
        (83, "what a fresh session began is finished by any other",
         "{auth.session.record.created_at} ", ""),
        (0, "an account has passkeys without end", "        await self._list_before_adding(auth)\n",
         ""),
        (0, "a stranger's certificates are read",
         "            made.response.attestation_object = without_attestation("
         "made.response.attestation_object)\n", ""),
        (81, "a counter may stop", "if count else Passkey.sign_count == 0",
         "if count else Passkey.sign_count >= 0"),
        (81, "a challenge is good again and again",
         "self.users.database.change(counted.returning(Passkey.id), used)",
         "self.users.database.change(counted.returning(Passkey.id))"),
        (82, "strangers are told of passkeys", "if user else (0, ())",
         "if user else (0, await self.list_for_user(1))"),
        (82, "a passkey may say that it is another user's", "if handle != row.handle or ", "if "),
        (82, "a passkey of one user confirms another",
         " or user_id not in (0, row.user_id):", ":"),
        (82, "a user handle is a number", "secrets.token_bytes(HANDLE_BYTES)",
         'user.id.to_bytes(64, "big")'),
        (82, "each passkey has another user handle", 'set_={"user_id": user.id}',
         'set_={"handle": handle}'),
        (82, "a passkey of a disabled account is as if it were removed",
         "if not row.is_active:", "if not row.is_active and bool(self.users.sessions.revoke):\n"
         "                raise PasskeyUnknown\n            if not row.is_active:"),
        (83, "the last passkey can be removed",
         "here.\n        if await self._count_ways(auth.user) == 1:",
         "here.\n        if await self._count_ways(auth.user) == 0:"),
        (83, "the only way to sign in is removed with the password",
         '"""\n        if await self._count_ways(auth.user) == 1:',
         '"""\n        if await self._count_ways(auth.user) == 0:'),
        (83, "a password is set over another one",
         "if await has_password(self.users.database, auth.user.id):", "if not auth.user:"),
    ),
    *At("app/users/service.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (83, "a change makes a session fresh again", "amr: Amr = Amr.NONE", "amr: Amr = Amr.PWD"),
    ),
    *At("app/api/passkeys.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (83, "a stolen session adds a passkey",
         "    _: FreshUser, auth: CurrentAuth, passkeys: CurrentPasskeys, browser: MarkedBrowser",
         "    auth: CurrentAuth, passkeys: CurrentPasskeys, browser: MarkedBrowser"),
        (0, "a second tab makes the challenge of the first invalid",
         "browser = known or secrets", "browser = secrets"),
    ),
    *At("app/users/factors.py", "tests/test_passkeys.py", passkeys="yes").faults(
        (83, "a password is enough for an account with a passkey",
         "if kinds := await self.kinds_of(auth.user.id):", "if kinds := []:"),
    ),
    *At("app/templates/password.html", "tests/test_providers_and_passkeys.py",
        passkeys="yes", oidc="yes").faults(
        (0, "an account at a provider does not count as a way to sign in on the account page",
         "{% if ways > 1 %}", "{% if has_password or passkeys|length > 1 %}"),
    ),
    *At("app/templates/password.html", "tests/test_passkey_pages.py", passkeys="yes").faults(
        (84, "the browser is not told which passkeys are left",
         'data-user-handle="{{ user_handle }}"', ""),
    ),
    *At("app/static/passkeys.js", "tests/test_passkey_pages.py", passkeys="yes").faults(
        (84, "the name field offers no passkeys", '"username webauthn"', '"username"'),
    ),
)
# fmt: on
