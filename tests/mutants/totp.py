"""Codes from an authenticator app, and recovery codes."""

from tests.mutants.mutant import At

REQUEST_SESSION = "app/web/request_session.py"
USERS = "app/users/service.py"
DEPENDENCIES = "app/web/dependencies.py"
TOTP = "app/users/totp.py"
TOTP_TESTS = ("tests/test_totp.py", "tests/attacks/test_codes.py")

# One row per mutant; a formatter would give every item of a long row its own line.
# fmt: off
MUTANTS = (
    *At(TOTP, *TOTP_TESTS, totp="yes").faults(
        (75, "a code is good twice",
         "or_(TotpSecret.last_step < step,", "or_(TotpSecret.last_step >= 0,"),
        (75, "codes are good for longer", "TOLERANCE = 1", "TOLERANCE = 2"),
        (75, "a secret that was only begun signs in",
         "self._use_code(user_id, code, is_confirmed)",
         "self._use_code(\n                    user_id, code, "
         "is_confirmed and bool(await self.kinds_of(user_id))\n                )"),
        (75, "a clock that was ahead once makes codes void",
         ", TotpSecret.last_step > now + TOLERANCE)", ")"),
        (76, "what was begun elsewhere is turned on", ", TotpSecret.last_step > 0)", ")"),
        (77, "wrong codes are not limited",
         "await limiter.fail(attempt)", "await limiter.cancel(attempt)"),
        (77, "wrong codes are counted under a name that people can type",
         'f"\\0code {user_id}"', 'f"code {user_id}"'),
        (77, "codes can be guessed for ever",
         "                TotpSecret.failures < MAX_FAILURES_IN_A_ROW,\n", ""),
        (77, "a right code leaves the wrong ones counted", "                failures=0,\n", ""),
        (79, "whoever turns a factor on has not shown it", "*statements,\n            amr=Amr.OTP",
         "*statements,\n            amr=Amr.PWD"),
    ),
    *At(TOTP, "tests/test_factor_notices.py", identity="email", totp="yes").faults(
        (80, "nobody is told of a recovery code that was used",
         "            *await self.users.events.notify(user, what, client),\n", ""),
        (80, "nobody is told of new recovery codes",
         "await self.users.events.notify(auth.user, what, auth.client)", "[]"),
    ),
    *At("app/users/recovery_codes.py", *TOTP_TESTS, totp="yes").faults(
        (78, "recovery codes can be guessed", "RANDOM_BYTES = 15", "RANDOM_BYTES = 5"),
        (78, "a recovery code opens every account",
         "RecoveryCode.user_id == user_id, RecoveryCode.key",
         "RecoveryCode.user_id > 0, RecoveryCode.key"),
        (78, "old recovery codes stay good", "[earlier, insert(RecoveryCode).values(rows)]",
         "[insert(RecoveryCode).values(rows)]"),
    ),
    *At("app/users/factors.py", *TOTP_TESTS, totp="yes").faults(
        (79, "a password confirms where there is more",
         "            raise StrongerFactorRequired(kinds)\n", "            pass\n"),
    ),
    *At(REQUEST_SESSION, *TOTP_TESTS, totp="yes").faults(
        (76, "without a code the password is enough",
         "                raise SecondFactorRequired(kinds, sign_in)\n",
         "                return await self.finish_sign_in(sign_in, remember=remember)\n"),
        (79, "a session does not say that a code was shown",
         "        sign_in = sign_in._replace(amr=sign_in.amr | Amr.OTP)\n", ""),
    ),
    *At(USERS, *TOTP_TESTS, totp="yes").faults(
        (79, "a new password makes a session fresh",
         "amr=Amr.NONE if auth.session.record.is_strong else Amr.PWD", "amr=Amr.PWD"),
    ),
    *At(DEPENDENCIES, *TOTP_TESTS, totp="yes").faults(
        (79, "one factor makes a strong user",
         "    if not session.record.is_strong:\n", "    if session is None:\n"),
        (79, "a session of a password is fresh where there is more",
         "if not session.record.is_strong and await factors.kinds_of(user.id):",
         "if factors is None:"),
    ),
    *At("app/api/totp.py", *TOTP_TESTS, totp="yes").faults(
        (80, "a factor is confirmed in a session that is not fresh",
         "body: CodeIn, _: FreshUser, auth", "body: CodeIn, auth"),
    ),
    *At("app/pages/pending.py", "tests/test_totp_pages.py", totp="yes").faults(
        (76, "a sign-in waits for its code for an hour",
         "MAX_AGE_SECONDS = 300", "MAX_AGE_SECONDS = 3600"),
    ),
    *At("app/web/begun.py", "tests/test_sign_in_page.py", totp="yes").faults(
        (0, "whoever comes next at the browser may send the code of a sign-in",
         '"link", "sign-in")', '"link")'),
    ),
    *At("app/pages/cookies.py", "tests/test_totp_pages.py", totp="yes").faults(
        (76, "a flash message is a sign-in under way", 'f"app.pages.{name}"', '"app.pages"'),
        (55, "a second step of a clock far ahead is open for years",
         "is_current(expires_at, max_age, services.clock())", "services.clock() < expires_at"),
    ),
)
# fmt: on
