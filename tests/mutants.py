"""Faults that someone might introduce into a generated project; its own tests catch each of them.

None is harmless: each breaks a promise of the app.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A fault. tests: the files of the project that are run first."""

    promise: int
    """The row of the generated SECURITY.md that it breaks; 0 for what the page does not promise."""
    name: str
    file: str
    old: str
    """Text that occurs once in the file."""
    new: str
    tests: tuple[str, ...]
    backend: str = "database"
    database: str = "sqlite"
    identity: str = "username"
    totp: str = "no"
    passkeys: str = "no"
    oidc: str = "no"

    @property
    def stack(self) -> str:
        """The name of the project it is a fault of."""
        return "-".join(self.answers.values())

    @property
    def answers(self) -> Mapping[str, str]:
        """The answers that make this project."""
        return {
            "session_backend": self.backend,
            "database": self.database,
            "identity": self.identity,
            "totp": self.totp,
            "passkeys": self.passkeys,
            "oidc": self.oidc,
        }

    def put_into(self, text: str) -> str:
        """Return the text of the file with the fault in it."""
        assert text.count(self.old) == 1, f"{self.name}: {self.file} has changed"
        return text.replace(self.old, self.new)


class At:
    """A file of a project, and the tests that are about it."""

    def __init__(
        self,
        file: str,
        *tests: str,
        backend: str = "database",
        database: str = "sqlite",
        identity: str = "username",
        totp: str = "no",
        passkeys: str = "no",
        oidc: str = "no",
    ) -> None:
        self._file, self._tests = file, tests
        self._stack = (backend, database, identity, totp, passkeys, oidc)

    def faults(self, *rows: tuple[int, str, str, str]) -> list[Mutant]:
        """Return mutants of the file. A row: promise, name, old text, new text."""
        return [
            Mutant(promise, name, self._file, old, new, self._tests, *self._stack)
            for promise, name, old, new in rows
        ]


COOKIE = "app/sessions/cookie.py"
OIDC_TESTS = (
    *("tests/attacks/test_lying_providers.py", "tests/attacks/test_providers.py"),
    "tests/test_oidc.py",
)
PASSKEY_TESTS = ("tests/test_passkeys.py", "tests/attacks/test_passkey_attacks.py")
REQUEST_SESSION = "app/web/request_session.py"
TOKEN = "app/sessions/token.py"
FAST_LOOKUP = "app/fast_lookup.py"
STORE = "app/sessions/store.py"
USERS = "app/users/service.py"
SESSION = "app/sessions/session.py"
SESSIONS = "app/sessions/service.py"
REDIS = "app/redis.py"
DATABASE = "app/database.py"
ENCRYPTION = "app/sessions/encryption.py"
ACTIVE_SESSION = "app/sessions/active_session.py"
CSRF = "app/web/csrf.py"
MIDDLEWARE = "app/web/middleware.py"
WEBSOCKET = "app/web/websocket.py"
PASSWORDS = "app/users/passwords.py"
PROCESSORS = "app/processors.py"
DEPENDENCIES = "app/web/dependencies.py"
MAIN = "app/main.py"
REDIRECTS = "app/pages/redirects.py"
ERRORS = "app/web/errors.py"
AUTHENTICATION = "app/users/authentication.py"
NAMES = "app/users/names.py"
LINKS = "app/users/links.py"
RECOVERY = "app/users/recovery.py"
EMAIL = "app/users/emails.py"
RATE_LIMIT = "app/users/rate_limit.py"
LOG = "app/security_log.py"
LOGS = "app/logs.py"
CONFIG = "app/config.py"
CLI = "app/cli.py"
MIGRATION = "migrations/versions/0001_first_tables.py"
OUTBOX = "app/email/outbox.py"
SMTP = "app/email/smtp.py"
MAIL_SETTINGS = "app/mail_settings.py"
TOTP = "app/users/totp.py"

TOKEN_TESTS = ("tests/test_token.py", "tests/attacks/test_forged_tokens.py")
LOG_TESTS = ("tests/test_security_log.py", "tests/attacks/test_log_forging.py")
CLI_TESTS = ("tests/test_cli.py", "tests/test_cli_lists.py", "tests/test_cli_sessions.py")
NAME_TESTS = ("tests/test_sign_in.py", "tests/attacks/test_fuzz.py")
TOTP_TESTS = ("tests/test_totp.py", "tests/attacks/test_codes.py")
DELIVERY_TESTS = ("tests/test_delivery.py", "tests/test_delivery_workers.py")

# One row per mutant; a formatter would give every item of a long row its own line.
# fmt: off
MUTANTS = (
    *At(COOKIE, "tests/test_cookie.py").faults(
        (1, "the cookie lacks Secure", 'parts.append("Secure")', "pass"),
        (1, "the cookie lacks HttpOnly", '"Path=/", "HttpOnly"', '"Path=/"'),
        (2, "the cookie lacks SameSite",
         'parts.append(f"SameSite={self.samesite.capitalize()}")', "pass"),
        (1, "the cookie has a Domain", '"Path=/", ', '"Path=/", "Domain=localhost", '),
        (8, "a cookie that browsers drop for its size is sent",
         " > MAX_COOKIE_BYTES", " > MAX_COOKIE_BYTES * 2"),
    ),
    *At(COOKIE, "tests/test_cors.py").faults(
        (2, "a sign-in succeeds whose cookie the browser will drop",
         'sent.get(b"sec-fetch-storage-access") == b"none"', "False"),
        (2, "a browser that keeps partitioned cookies is refused",
         ' == "none" and not self.partitioned', ' == "none"'),
    ),
    *At(COOKIE, "tests/attacks/test_fixation.py").faults(
        (5, "odd bytes around the cookie's name are ignored",
         'pair.removeprefix(b" ")', 'pair.decode("latin-1").strip().encode("latin-1")'),
        (6, "of two cookies the last counts",
         'values.append(value.decode("latin-1"))', 'values = [value.decode("latin-1")]'),
        (7, "a token counts in any header",
         'header == b"cookie" and wanted in content', "wanted in content"),
    ),
    *At(REQUEST_SESSION, "tests/test_cookie.py").faults(
        (3, "the cookie survives the browser without remember me",
         " if record.remember else None", ""),
        (4, "logout leaves the cookie",
         "self._deletes_cookie = True", "self._deletes_cookie = False"),
    ),
    *At(REQUEST_SESSION, "tests/attacks/test_fixation.py").faults(
        (5, "the framework parses the cookie", "return self.services.cookie.read(self._headers)",
         'cookies = HTTPConnection({"type": "http", "headers": self._headers}).cookies\n'
         "        return [cookies[name]] if (name := self.services.cookie.name) in "
         "cookies else []"),
        (6, "of two cookies the first counts", "if len(tokens) > 1:", "if len(tokens) > 2:"),
    ),
    *At(REQUEST_SESSION, "tests/test_sign_in.py").faults(
        (19, "logout only deletes the cookie",
         "await self.services.sessions.revoke(*self.session_tokens())", "self.session_tokens()"),
    ),
    *At(REQUEST_SESSION, "tests/attacks/test_every_route.py").faults(
        (46, "responses to a session are cached", '(b"cache-control", b"no-store"), ', ""),
        (46, "responses do not vary by cookie", ', (b"vary", b"Cookie")', ""),
    ),
    *At(TOKEN, *TOKEN_TESTS).faults(
        (10, "tokens come from a predictable generator", "secrets.token_urlsafe(RANDOM_BYTES)",
         '__import__("itsdangerous").encoding.base64_encode(\n'
         '            __import__("random").randbytes(RANDOM_BYTES)\n'
         '        ).decode("ascii")'),
        (10, "tokens hold 128 random bits",
         "secrets.token_urlsafe(RANDOM_BYTES)", 'secrets.token_hex(16) + "A" * 11'),
        (11, "tokens are signed with SHA-1",
         "digest_method=hashlib.sha256", "digest_method=hashlib.sha1"),
        (12, "tokens are signed with the library's salt",
         'hmac.digest(key.encode(), SALT, "sha256")',
         'hmac.digest(key.encode(), b"itsdangerous.Signer", "sha256")'),
        (11, "tokens are signed with the library's derivation of keys",
         'hmac.digest(key.encode(), SALT, "sha256")',
         'hashlib.sha256(SALT + b"signer" + key.encode()).digest()'),
        (13, "a signature can be written in several ways",
         "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", "[A-Za-z0-9_-]{43}"),
        (11, "the signature is not verified",
         'self._signer.unsign(token).decode("ascii")', 'token.partition(".")[0]'),
        (14, "the oldest key signs", "derived[::-1]", "derived"),
        (14, "older keys no longer verify", "derived[::-1]", "derived[:1]"),
        (16, "what does not look like a token is parsed",
         "if not _FORM.fullmatch(token):", "if not token:"),
    ),
    *At(TOKEN, *TOKEN_TESTS, backend="signed-cookie").faults(
        (10, "session ids hold 64 random bits",
         "secrets.token_bytes(RANDOM_BYTES)", "secrets.token_bytes(8).ljust(RANDOM_BYTES)"),
    ),
    *At(TOKEN, "tests/test_server_side_sessions.py").faults(
        (26, "the store holds the tokens themselves",
         'return hashlib.sha256(random.encode("ascii")).digest()', 'return random.encode("ascii")'),
    ),
    *At(TOKEN, "tests/test_store.py", backend="signed-cookie").faults(
        (19, "a token is revoked by its text",
         "return Session._make((*_CLAIMS.unpack(base64_decode(claims)), data))",
         "session = Session._make((*_CLAIMS.unpack(base64_decode(claims)), data))\n"
         '        digest = __import__("hashlib").sha256(token.encode())\n'
         "        return session._replace(key=digest.digest())"),
    ),
    *At(FAST_LOOKUP, "tests/test_database.py").faults(
        (0, "the fast lookup returns the driver's raw values",
         "values[at] = process(values[at])", "values[at] = values[at]"),
    ),
    *At(FAST_LOOKUP, "tests/test_database.py", database="postgresql").faults(
        (27, "a connection that has broken is used again",
         "with suppress(*_LOST):", "with suppress(ZeroDivisionError):"),
    ),
    *At(SESSIONS, "tests/test_store.py", backend="signed-cookie").faults(
        (15, "a token from the future is valid", "return is_from_future or ", "return "),
    ),
    *At(SESSIONS, "tests/test_session_life.py").faults(
        (55, "a session from the future is active", "return is_from_future or ", "return "),
    ),
    *At("app/users/rate_limit.py", "tests/attacks/test_guessing.py").faults(
        (55, "failures from the future count",
         "                LoginAttempt.at <= now + CLOCK_LEEWAY_SECONDS,\n", ""),
    ),
    *At(SESSIONS, "tests/test_server_side_sessions.py").faults(
        (60, "a user may have any number of sessions",
         "        for surplus in others[", "        for surplus in others[:0][",),
    ),
    *At("app/web/middleware.py", "tests/test_head.py").faults(
        (49, "HEAD is for routes that declare it",
         'and scope["method"] == "HEAD"', "and not scope"),
    ),
    *At("app/web/middleware.py", "tests/attacks/test_smuggling.py").faults(
        (51, "a body without a length is not limited",
         "            if received > limit:", "            if received > limit * 10_000:"),
    ),
    *At("app/web/middleware.py", "tests/attacks/test_guessing.py").faults(
        (57, "a byte beyond ASCII makes a new address",
         'host.encode("latin-1", "replace")', "host.encode()"),
    ),
    *At(STORE, "tests/test_sessions.py", backend="signed-cookie").faults(
        (19, "revoked tokens are valid",
         '    ~exists().where(EndedSession.key == bindparam("key")),\n', ""),
        (21, "the session version is not compared (signed-cookie)",
         '    User.session_version == bindparam("session_version"),\n', ""),
        (24, "a rotated token stays valid (signed-cookie)",
         "return await self.delete(old)", "return old is not None"),
    ),
    *At(STORE, "tests/test_sessions.py").faults(
        (21, "the session version is not compared (database)",
         ", User.session_version == UserSession.session_version", ""),
        (21, "a disabled account keeps its sessions", "User.is_active, ", ""),
        (24, "late activity brings back a revoked session (database)",
         "            .values(last_seen_at=seen.last_seen_at, expires_at=seen.expires_at)\n"
         "        )\n",
         "            .values(last_seen_at=seen.last_seen_at, expires_at=seen.expires_at)\n"
         "        ) or await self.add(seen)\n"),
    ),
    *At(STORE, "tests/test_sessions.py", backend="memory").faults(
        (24, "a rotated token stays valid (memory)",
         "if not self._forget(old):", "if old.key not in self._sessions:"),
        (24, "late activity brings back a revoked session (memory)",
         "if self._sessions.get(before.key) == before:", "if before != seen:"),
    ),
    *At(STORE, "tests/test_sessions.py", backend="redis").faults(
        (24, "a rotated token stays valid (redis)",
         "return {redis.call('DEL', KEYS[1])", "return {redis.call('EXISTS', KEYS[1])"),
        (24, "rotation brings back a revoked session",
         "if not taken or not stands:", "if not stands:"),
        (24, "late activity brings back a revoked session (redis)",
         "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n", ""),
    ),
    *At(STORE, "tests/test_store.py", backend="redis").faults(
        (24, "rotation during the revocation of all survives it",
         "if not taken or not stands:", "if not taken:"),
        (24, "rotation during the revocation of others survives it",
         "if others == looked_at:", "if others:"),
        (25, "sessions in Redis do not expire",
         'pack(session), "PX", _life(session))', "pack(session))"),
    ),
    *At(ACTIVE_SESSION, "tests/test_session_values.py", backend="signed-cookie").faults(
        (24, "a late write seems to be kept with a revoked session",
         "if await self.store.get(self.record, self.record.last_seen_at) is None:",
         "if not self.record:"),
    ),
    *At(STORE, "tests/test_session_values.py", backend="memory").faults(
        (24, "a late write is kept with a revoked session",
         "            raise SessionEnded\n        values = {",
         "            pass\n        values = {"),
    ),
    *At(STORE, "tests/test_store.py").faults(
        (25, "expired sessions stay in the table",
         "UserSession.expires_at <= now)", "UserSession.expires_at < 0)"),
    ),
    *At(USERS, "tests/attacks/test_fixation.py").faults(
        (18, "sign-in adopts the token it came with",
         "session = await self.sessions.create(sign_in, client, remember=remember)\n"
         "        await self.sessions.revoke(*old_tokens)",
         "sent = await self.sessions.load(old_tokens[0]) if old_tokens else None\n"
         "        session = sent or "
         "await self.sessions.create(sign_in, client, remember=remember)"),
        (17, "the token that sign-in came with stays valid",
         "        await self.sessions.revoke(*old_tokens)\n", ""),
    ),
    *At(USERS, "tests/test_session_life.py").faults(
        (21, "a new password keeps the session version",
         "_end_own_sessions(auth, **changes)",
         "update(User).where(User.id == auth.user.id).values(\n"
         "            **changes\n"
         "        ).returning(User.id, User.session_version)"),
        (23, "a new password does not require the current one",
         'await self._verify(auth, current, "authn_password_change_fail")', "pass"),
    ),
    *At(USERS, "tests/attacks/test_replay.py").faults(
        (21, "a new password keeps the other sessions",
         "await self.sessions.revoke_before(changed.session_version, auth.user.id)", "pass"),
        (21, "a password set by an operator keeps the sessions",
         "await self._end_sessions(user.name, password_hash=new_hash)",
         "await self.database.execute(\n"
         "            update(User).where(User.id == user.id).values(password_hash=new_hash)\n"
         "        )"),
    ),
    *At(USERS, "tests/test_users.py").faults(
        (21, "a new role keeps the sessions", "await self._end_sessions(name, role=role)",
         "(await self.find(name)).id\n"
         "        await self.database.execute(update(User).values(role=role))"),
        (21, "a revoked session can delete the account",
         "User.session_version == version", "User.session_version >= version"),
    ),
    *At(USERS, "tests/test_redis.py", backend="redis").faults(
        (22, "deleting an account leaves sessions nobody can revoke",
         "await self._delete(await self._end_sessions(name, is_active=False))",
         "user = await self.find(name)\n"
         "        await self._delete(user.id)\n"
         "        await self.sessions.revoke_before(user.session_version + 1, user.id)"),
    ),
    *At(AUTHENTICATION, "tests/test_passwords.py").faults(
        (37, "outdated hashes are kept", "if newer_hash:", "if not right:"),
    ),
    *At(AUTHENTICATION, "tests/attacks/test_floods.py").faults(
        (40, "guesses count only after the password was checked",
         "        attempt = await self.rate_limiter.acquire(name, ip)\n",
         '        await self.passwords.verify(password, None)\n'
         "        attempt = await self.rate_limiter.acquire(name, ip)\n"),
    ),
    *At(AUTHENTICATION, *LOG_TESTS).faults(
        (47, "the log holds what was typed as a username",
         "actor=row.id if row else None", "actor=row.id if row else name"),
    ),
    *At("app/api/schemas.py", "tests/test_users.py").faults(
        (62, "a body that is printed shows the password", "Field(repr=False)", "Field()"),
    ),
    *At("app/pages/auth.py", "tests/test_pages.py").faults(
        (63, "a cookie that is not kept goes unsaid",
         "cookie_not_kept=signed_in", "cookie_not_kept=False"),
        (63, "over plain HTTP, a cookie that is not kept goes unsaid",
         '"upgrade-insecure-requests" in sent or ', ""),
    ),
    *At("app/pages/auth.py", "tests/attacks/test_every_route.py").faults(
        (29, "a link can sign out",
         '@router.post("/logout")', '@router.api_route("/logout", methods=["GET", "POST"])'),
    ),
    *At(SESSION, "tests/test_session_life.py").faults(
        (20, "the idle limit is ignored",
         "return min(end, session.last_seen_at + settings.session_idle_timeout)", "return end"),
    ),
    *At(SESSION, "tests/test_session_life.py").faults(
        (20, "activity moves the absolute limit",
         "return session.created_at + settings.session_lifetime",
         "return session.last_seen_at + settings.session_lifetime"),
    ),
    *At(SESSIONS, "tests/test_sessions.py").faults(
        (20, "lower limits only apply to new sessions",
         "if self._has_expired(record, now):", "if not record:"),
    ),
    *At(SESSIONS, "tests/test_session_list.py").faults(
        (22, "anyone revokes a session whose id they know", " or record.user_id != user_id", ""),
    ),
    *At(SESSIONS, "tests/test_users.py").faults(
        (23, "every session is fresh",
         "return self.clock() - session.record.authenticated_at <= FRESH_SECONDS", "return True"),
    ),
    *At(SESSIONS, "tests/test_users.py", backend="memory").faults(
        (23, "activity makes a session fresh",
         "session.touch(self._with_expiry(record._replace(last_seen_at=now)))",
         "session.touch(self._with_expiry(record._replace(last_seen_at=now, "
         "authenticated_at=now)))"),
    ),
    *At(SESSIONS, "tests/test_websocket.py").faults(
        (36, "an open WebSocket keeps its session alive",
         "return found is not None and not self._has_expired(found[0], now)",
         "return bool(found and await self._touched(found[0], token, now))"),
    ),
    *At(SESSIONS, *TOKEN_TESTS).faults(
        (9, "the log holds the token",
         "user_agent=client.user_agent,\n        )\n        # Sessions",
         "user_agent=client.user_agent,\n            token=token,\n        )\n        # Sessions"),
    ),
    *At("app/sessions/user_lookup.py", "tests/test_sessions.py", backend="memory").faults(
        (21, "the session version is not compared (memory)",
         '        User.session_version == bindparam("session_version"),\n', ""),
    ),
    *At("app/sessions/redis_format.py", "tests/test_store.py", backend="redis").faults(
        (27, "garbage in Redis is a session",
         "if not 0 <= begun <= proved <= session.last_seen_at <= session.expires_at < "
         "END_OF_TIME:",
         "if not proved:"),
    ),
    *At(REDIS, "tests/test_redis.py", backend="redis").faults(
        (27, "errors of Redis become errors of the app",
         'return StoreUnavailable(f"Redis: {type(error).__name__}")', "return error"),
    ),
    *At("app/redis_connection.py", "tests/test_redis.py", backend="redis").faults(
        (27, "a cancelled lookup leaves its reply to the next one",
         "                if reply.done():\n                    continue\n",
         "                while reply.done():\n"
         "                    reply = self._waiting.popleft()\n"),
    ),
    *At(DATABASE, "tests/test_database.py").faults(
        (27, "errors of the database become errors of the app",
         "return StoreUnavailable(type(context.original_exception).__name__)", "return None"),
    ),
    *At("app/engine.py", "tests/test_database.py", database="postgresql").faults(
        (27, "a connection that failed is used again", "context.is_disconnect = True", "pass"),
    ),
    *At(MIGRATION, "tests/attacks/test_replay.py", backend="signed-cookie").faults(
        (21, "the id of a deleted user is reused",
         'name="uq_users_username"),\n        sqlite_autoincrement=True,\n',
         'name="uq_users_username"),\n'),
    ),
    *At(ENCRYPTION, "tests/test_encryption.py").faults(
        (26, "values are stored in the clear",
         "[AESGCM(_derive_key(key, purpose)) for key in keys]",
         'keys and [type("Clear", (), {"encrypt": lambda _, nonce, text, place: text + '
         "bytes(16),\n"
         '            "decrypt": lambda _, nonce, encrypted, place: encrypted[:-16]})()]'),
        (26, "the signing key itself encrypts",
         "return HKDF(algorithm=SHA256(), length=32, salt=None, "
         "info=purpose).derive(key.encode())",
         'return __import__("hashlib").sha256(key.encode()).digest()'),
        (26, "the encryption key is derived for no purpose", "info=purpose", 'info=b""'),
        (26, "every encryption uses the same nonce",
         "secrets.token_bytes(NONCE_BYTES)", "bytes(NONCE_BYTES)"),
    ),
    *At(ACTIVE_SESSION, "tests/test_server_side_sessions.py").faults(
        (26, "an encrypted value opens for every user",
         'return f"{self.record.user_id} {name}"', "return name"),
        (26, "an encrypted value opens under every name",
         'return f"{self.record.user_id} {name}"', "return str(self.record.user_id)"),
    ),
    *At(CSRF, "tests/attacks/test_cross_site.py").faults(
        (28, "an origin that starts like ours is ours",
         'origin[0] not in (own_origin, "null")',
         'not origin[0].startswith((own_origin, "null"))'),
        (28, "an origin with another scheme is ours",
         'origin[0] not in (own_origin, "null")',
         'origin[0].partition("://")[2] not in (own_origin.partition("://")[2], "")'),
        (28, "the origin of what the user does is not compared",
         "if origin and origin[0] not in", "if origin and not sec_fetch_site and origin[0] not in"),
        (28, "the origin null is ours", 'if origin == ["null"]:', "if not headers:"),
        (28, "sibling subdomains are ours",
         '("same-origin", "none")', '("same-origin", "same-site", "none")'),
        (28, "an origin that is sent twice is ours",
         "if len(sec_fetch_site) > 1 or len(origin) > 1:", "if not method:"),
    ),
    *At(MIDDLEWARE, "tests/test_websocket.py").faults(
        (36, "any site opens a WebSocket", 'else "CONNECT"', 'else "GET"'),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_every_route.py").faults(
        (34, "any Host is served", "if host in self._hosts:", "if self._hosts:"),
        (0, "the app is served below a path", 'if scope.get("root_path"):', "if not scope:"),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_guessing.py").faults(
        (34, "forwarding headers are trusted by default",
         "if self._ignores_proxies:", "if not self:"),
    ),
    *At(MIDDLEWARE, "tests/test_headers.py").faults(
        (35, "production serves plain http",
         'if self._production and scope["scheme"] in ("http", "ws"):', "if scope is None:"),
        (45, "inline styles are allowed", "style-src 'self';", "style-src 'self' 'unsafe-inline';"),
        (45, "pages can be framed", '    (b"x-frame-options", b"DENY"),\n', ""),
        (46, "a cache goes on with what it has",
         '    (b"cache-control", b"no-cache"),\n', ""),
        (35, "development pins localhost to https",
         'settings.production and scope["scheme"] in', 'scope["scheme"] in'),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_bodies.py").faults(
        (50, "a route's own limit for bodies is ignored",
         "scope.get(MAX_BODY_SIZE_SCOPE_KEY, self._max_body_bytes)", "self._max_body_bytes"),
        (44, "a body over the limit is read to its end",
         "if received > limit:", "if limit < 0:"),
        (44, "the Content-Length of a body is ignored",
         "if announced.isdigit() and ", "if not announced and "),
    ),
    *At(WEBSOCKET, "tests/test_security_page.py").faults(
        (48, "a limit in force is not the one on the page",
         "MESSAGES_AT_ONCE = 50, 500", "MESSAGES_AT_ONCE = 50, 5_000"),
    ),
    *At(WEBSOCKET, "tests/test_websocket.py").faults(
        (36, "a WebSocket outlives its session",
         "is_active = await sessions.is_active(session.token)", "is_active = bool(session)"),
        (52, "a WebSocket may send more than a person could", "if allowed < 0:", "if not message:"),
    ),
    *At(MIDDLEWARE, "tests/test_websocket.py").faults(
        (52, "the messages of WebSockets are not counted",
         "return limit_messages(receive, self._services.clock)", "return receive"),
    ),
    *At(PASSWORDS, "tests/test_passwords.py").faults(
        (53, "registrations keep others from signing in",
         "self._new_limiter = CapacityLimiter(1)", "self._new_limiter = self._limiter"),
        (38, "short passwords are accepted", "if len(text) < self._min_length:", "if not text:"),
        (44, "a password of few characters takes long to rate",
         "    password = password[:PASSWORD_MAX_CHARACTERS]\n", ""),
        (38, "passwords are counted before normalisation",
         "if len(text) < self._min_length:", "if len(password) < self._min_length:"),
        (38, "endless passwords are accepted",
         "if len(text) > PASSWORD_MAX_CHARACTERS:", "if not text:"),
        (38, "passwords are truncated",
         'unicodedata.normalize("NFC", password)', 'unicodedata.normalize("NFC", password)[:72]'),
        (38, "passwords are not normalised", 'unicodedata.normalize("NFC", password)', "password"),
        (38, "common passwords are accepted",
         'if rating["score"] < _MIN_SCORE:', 'if rating["score"] < 0:'),
        (61, "passwords may contain the app's name",
         "(*words_of(name), self._app_name)", "words_of(name)"),
        (61, "passwords may contain the username",
         "(*words_of(name), self._app_name)", "(self._app_name,)"),
        (61, "passwords may contain a name that is spaced differently",
         'r"[\\W_]*".join(letters)', '"".join(letters)'),
        (61, "passwords may contain a short name", "if len(letters) < 3:", "if len(letters) < 4:"),
        (61, "passwords may contain a name that is joined to others",
         "{''.join(letters)}|(?<!", "(?<!"),
        (38, "a common word with a year is accepted", '_YEAR.sub(" ", password)', "password"),
        (38, "a common word that is repeated is accepted",
         '_REPEATED.sub(r"\\1\\2", _YEAR.sub(" ", password))', '_YEAR.sub(" ", password)'),
        (37, "hashes are weak", "argon2__memory_cost=19_456", "argon2__memory_cost=1_024"),
    ),
    *At(PROCESSORS, "tests/test_processors.py").faults(
        (54, "hashing takes the processors of others",
         "len(os.sched_getaffinity(0))", "os.cpu_count() or 1"),
        (54, "hashing exceeds the quota of a container",
         "min(count, int(quota)", "max(0, int(quota)"),
        (54, "hashing exceeds the quota of a group around",
         "(group, *group.parents)", "(group,)"),
    ),
    *At(CONFIG, "tests/test_processors.py").faults(
        (54, "hashing leaves no processor free",
         "max(1, min(4, available_processors() - 1))", "min(4, available_processors())"),
    ),
    *At("app/fast_lookup.py", "tests/test_sqlite.py").faults(
        (56, "lookups go on in a file that is gone", "!= self._file", "is None"),
    ),
    *At("app/engine.py", "tests/test_sqlite.py").faults(
        (56, "statements go on in a file that is gone",
         'entry.info["file"] != identify(path)', 'entry.info["file"] is None'),
    ),
    *At(PASSWORDS, "tests/attacks/test_floods.py").faults(
        (53, "any number may wait for a hash", ">= MAX_WAITING", "< 0"),
    ),
    *At(AUTHENTICATION, "tests/attacks/test_floods.py").faults(
        (53, "an attempt that was turned away counts as a failure",
         "await self.rate_limiter.cancel(attempt)", "pass"),
    ),
    *At(REQUEST_SESSION, "tests/attacks/test_floods.py").faults(
        (53, "an address may register as many as it likes", "* WIDER", "* 1_000_000"),
    ),
    *At(USERS, "tests/attacks/test_floods.py").faults(
        (53, "a taken name costs a hash",
         "if await self.database.fetch_one(select(User.id).where(User.name == name)):",
         "if not name:"),
    ),
    *At(PASSWORDS, "tests/attacks/test_enumeration.py").faults(
        (37, "passwords are hashed on the event loop",
         "return await to_thread.run_sync(function, *args, limiter=limiter)",
         "return function(*args)"),
        (39, "an unknown username costs no hash", "        right, newer = await",
         "        if hashed is None:\n"
         "            return False, None\n"
         "        right, newer = await"),
    ),
    *At(DEPENDENCIES, "tests/test_dependencies.py").faults(
        (31, "an app that requires a session is open",
         "        await current_user(HTTPConnection(scope))\n", ""),
    ),
    *At("app/web/default_deny.py", "tests/test_dependencies.py").faults(
        (31, "what is not an ordinary route is public",
         "if any(map(_serves_files, _routers(app.router))):", "if not app:"),
        (31, "what is inside a mounted app is public",
         "            yield from _unprotected(inner, path)", "            continue"),
    ),
    *At(DEPENDENCIES, "tests/attacks/test_bodies.py").faults(
        (43, "every user is an administrator", "if user.role != role:", "if not user.role:"),
    ),
    *At("app/api/routes.py", "tests/attacks/test_bodies.py").faults(
        (30, "the API's routes take bodies without a content type",
         'APIRouter(prefix="/api", ', 'APIRouter(prefix="/api", strict_content_type=False, '),
    ),
    *At(MAIN, "tests/test_dependencies.py").faults(
        (31, "an undeclared route is public",
         "    refuse_unprotected_routes(app)\n    yield", "    yield"),
        (35, "production shows the documentation", "if not settings.production:", "if settings:"),
    ),
    *At(MAIN, "tests/test_cors.py").faults(
        (33, "any site reads responses",
         "allow_origins=settings.trusted_origins,", 'allow_origins=["*"],'),
    ),
    *At(MAIN, "tests/attacks/test_bodies.py").faults(
        (30, "the API takes bodies without a content type",
         "redirect_slashes=False,", "redirect_slashes=False,\n        strict_content_type=False,"),
    ),
    *At(ERRORS, "tests/test_headers.py").faults(
        (45, "the last-resort 500 has no headers",
         "response.raw_headers = secure_headers(request.scope, response.raw_headers)", "pass"),
    ),
    *At(REDIRECTS, "tests/attacks/test_open_redirects.py").faults(
        (32, "next leads to whatever starts with a slash",
         "if _LOCAL.fullmatch(address) and _LOCAL_DECODED.fullmatch(unquote(path)):",
         'if address.startswith("/"):'),
        (32, "next is only checked as it was sent",
         " and _LOCAL_DECODED.fullmatch(unquote(path))", ""),
    ),
    *At(ERRORS, "tests/attacks/test_bodies.py").faults(
        (0, "an error echoes what was sent",
         '("type", "loc", "msg")', '("type", "loc", "msg", "input")'),
    ),
    *At(ERRORS, "tests/test_sign_in.py").faults(
        (0, "401 has no challenge", "return get_request_session(connection).challenge",
         "return {}"),
    ),
    *At("app/errors.py", "tests/attacks/test_guessing.py").faults(
        (40, "429 has no Retry-After", ', {"Retry-After": str(seconds)})', ")"),
    ),
    *At(ERRORS, "tests/test_users.py").faults(
        (0, "a request beside the deletion of its account is a fault of the server",
         "fetch_one(same) is None", "fetch_one(same) is same"),
        (0, "a fault of a route signs people out",
         "fetch_one(same) is None", "fetch_one(same) is not same"),
    ),
    *At("app/request_limit.py", "tests/test_rate_limit.py").faults(
        (0, "who is refused makes others wait", "        if full:\n", "        if not limit:\n"),
        (0, "requests at once are not limited", "if count > limit:", "if count < 0:"),
        (0, "a clock that was wrong once blocks for years",
         "or_(RequestCount.resets_at <= now, RequestCount.resets_at > now + window)",
         "or_(RequestCount.resets_at <= now)"),
    ),
    *At("app/pages/templating.py", "tests/test_pages.py").faults(
        (0, "pages show usernames unescaped", "autoescape=True", "autoescape=False"),
    ),
    *At("app/pages/templating.py", "tests/test_pages.py").faults(
        (0, "an error is shown next to another field",
         "fields.get(type(error), current)", '"username"'),
    ),
    *At("app/pages/templating.py", "tests/test_pages.py").faults(
        (0, "browsers refuse script and style", "hashlib.sha384(", "hashlib.sha3_384("),
    ),
    *At("app/pages/templating.py", "tests/test_flash.py").faults(
        (0, "a flash message is shown again", "    delete_flash(request, response)\n", ""),
    ),
    *At("app/pages/flash.py", "tests/test_flash.py").faults(
        (0, "a flash message may be cached",
         'response.headers["Cache-Control"] = "no-store"', "pass"),
    ),
    *At("app/pages/cookies.py", "tests/test_flash.py").faults(
        (0, "a flash message is shown hours later",
         "is_current(expires_at, max_age, services.clock())", "expires_at"),
        (0, "a flash message of a clock far ahead is shown for years",
         "is_current(expires_at, max_age, services.clock())", "services.clock() < expires_at"),
        (0, "flash messages are signed for no purpose", 'salt=f"app.pages.{name}", ', ""),
        (0, "a flash message is signed with the oldest key",
         "in reversed(settings.secret_keys)", "in settings.secret_keys"),
        (0, "a forged flash message is an error", "except BadData:", "except ZeroDivisionError:"),
        (0, "scripts can read flash messages", '"httponly": True', '"httponly": False'),
    ),
    *At("app/pages/errors.py", "tests/test_error_pages.py").faults(
        (35, "in production the page of an error shows the traceback",
         "if error is None or get_request_session(request).services.settings.production:",
         "if error is None:"),
    ),
    *At("app/pages/admin.py", "tests/test_admin_page.py").faults(
        (74, "every user may look at the account of another",
         "_: AdminUser, __: FreshUser, db: DbSession,", "_: FreshUser, db: DbSession,"),
        (74, "the log does not say which administrator it was",
         "security_log.administrator.set(admin.id)", "security_log.administrator.set(None)"),
    ),
    *At("app/pages/auth.py", "tests/test_dashboard_page.py").faults(
        (0, "a name that was registered stays in the browser",
         '    delete_sent(request, response, "name")\n', ""),
    ),
    *At("app/pages/session_list.py", "tests/test_session_list_page.py").faults(
        (22, "every device is shown as this one",
         '"current": each.key == current', '"current": True'),
    ),
    *At(NAMES, *NAME_TESTS).faults(
        (41, "usernames are case-sensitive",
         'unicodedata.normalize("NFKC", name).casefold()', 'unicodedata.normalize("NFKC", name)'),
        (41, "usernames differ by width", 'unicodedata.normalize("NFKC", folded)',
         'unicodedata.normalize("NFC", name).casefold()'),
        (41, "usernames differ by the number of spaces",
         're.sub(" +", " ", ', 're.sub(" +", lambda found: found[0], '),
        (41, "usernames hold invisible characters", " or _INVISIBLE.search(folded)", ""),
    ),
    *At(RATE_LIMIT, "tests/attacks/test_guessing.py").faults(
        (40, "people behind one address are refused while others are being checked",
         "self.turns.setdefault(subscriber(address), asyncio.Lock())", "asyncio.Lock()"),
        (40, "a sign-in waits for ever for others of its address",
         "asyncio.timeout(TURN_SECONDS)", "asyncio.timeout(None)"),
        (40, "guesses only count for the account",
         ", (of_address, self.max_failures * WIDER)", ""),
        (40, "guesses only count for the address",
         "limits.append((of_name, self.max_failures * WIDER))", "pass"),
        (40, "strangers lock the owner out",
         "if not await self.database.fetch_one(known):", "if limits:"),
        (40, "a success clears the failures of other addresses",
         "where(*_of_both(attempt), earlier)", "where(_of_both(attempt)[0], earlier)"),
        (40, "a success clears the failures at other accounts",
         "where(*_of_both(attempt), earlier)", "where(_of_both(attempt)[1], earlier)"),
        (40, "each address of an IPv6 network counts by itself",
         "if not isinstance(parsed, IPv6Address):", "if parsed:"),
        (25, "failures that no longer count stay in the table",
         "old = or_(failed, LoginAttempt.at <= now - KNOWN_SECONDS)",
         "old = LoginAttempt.at <= now - KNOWN_SECONDS"),
    ),
    *At(RATE_LIMIT, "tests/attacks/test_log_forging.py").faults(
        (58, "a typed name is kept as a plain hash",
         'hmac.digest(self.name_key, name.encode(), "sha256")',
         '__import__("hashlib").sha256(name.encode()).digest()'),
        (58, "the HMAC of typed names has the key of everything",
         'hmac.digest(secret_key.encode(), PURPOSE, "sha256")', "secret_key.encode()"),
    ),
    *At(LOG, *LOG_TESTS).faults(
        (47, "the log holds whole session keys", "digest.hex()[:12]", "digest.hex()"),
        (47, "a username writes lines into the log",
         "if value is not None})", "if value is not None}, ensure_ascii=False)"),
    ),
    *At(LOGS, "tests/test_logs.py").faults(
        (47, "LOG_LEVEL hides security events",
         "security_log.LOGGER.setLevel(logging.INFO)", "security_log.LOGGER.setLevel(0)"),
        (47, "security events come twice where logging is set up already",
         "if security_log.LOGGER.hasHandlers():", "if not settings:"),
        (47, "a value writes lines into the log of development", "map(escape, ", "map(str, "),
    ),
    *At(MIDDLEWARE, "tests/test_logs.py").faults(
        (0, "clients choose the id of their request",
         "secrets.token_hex(8)",
         'headers.get(b"x-request-id", secrets.token_hex(8).encode()).decode()'),
    ),
    *At("app/origins.py", "tests/test_config.py").faults(
        (33, "a wildcard is a trusted origin", "(?P<host>[^/:*]+", "(?P<host>[^/:]+"),
    ),
    *At(CONFIG, "tests/test_config.py").faults(
        (14, "a short key is accepted",
         "if any(len(text) < KEY_MIN_CHARACTERS for text in texts):", "if not any(texts):"),
        (42, "a placeholder key is accepted",
         "or _PLACEHOLDER.search(text) ", "and not text "),
        (2, "SameSite=None needs no Secure",
         'if samesite == "none" and info.data.get("session_cookie_secure") is False:',
         "if not samesite:"),
        (2, "production sends the cookie in the clear",
         "if not secure and is_production(info):", "if secure is None:"),
    ),
    *At(CONFIG, "tests/test_config.py", database="postgresql").faults(
        (0, "production uses the database of development",
         "if secret.get_secret_value() == DEFAULT_DATABASE_URL and is_production(info):",
         "if not secret:"),
    ),
    *At("migrations/env.py", "tests/test_database.py").faults(
        (59, "a new migration drops the tables of others",
         'kind != "table" or parents', 'kind != "tables" or parents'),
    ),
    *At("app/engine.py", "tests/test_sqlite.py").faults(
        (0, "others on the machine read the database", "0o600", "0o644"),
        (0, "migrating touches a database that is there",
         "os.O_CREAT | os.O_EXCL, 0o600)",
         "os.O_CREAT, 0o600))\n        os.chmod(path_of(url), 0o600"),
    ),
    *At("app/database_url.py", "tests/test_sqlite.py").faults(
        (0, "a request creates an empty database", '"mode": "rw"', '"mode": "rwc"'),
    ),
    *At("app/database_url.py", "tests/test_postgresql.py", database="postgresql").faults(
        (0, "an option of DATABASE_URL does not reach the server",
         "if query else {}", "if not query else {}"),
    ),
    *At(OUTBOX, *DELIVERY_TESTS, identity="email").faults(
        (71, "two workers send the same mail", "next_attempt_at=now + CLAIM_SECONDS",
         "next_attempt_at=now"),
        (71, "a mail is noted as sent before it is",
         "        try:\n            await send(",
         "        await self._note(delete(OutgoingMail).where(OutgoingMail.id == row.id))\n"
         "        try:\n            await send("),
        (71, "a mail that is refused for a while is given up",
         "is_final=error.is_final", "is_final=True"),
        (71, "a mail that is refused for good is tried for a day",
         "is_final=error.is_final", "is_final=False"),
        (71, "a mail is forgotten while the server is down",
         "str(error), is_final=False)", "str(error), is_final=True)"),
        (71, "a mail is tried for ever", "if is_final or now >= last_attempt_at:", "if is_final:"),
        (71, "one error ends the delivery of mail", "            except Exception:\n",
         "            except LookupError:\n"),
        (71, "a server that is stopped cuts a mail off", "            stopping.set()\n",
         "            task.cancel()\n"),
        (71, "a mail that goes twice looks like two",
         "hashlib.sha256(row.encrypted)", "hashlib.sha256(row.encrypted + bytes(row.attempts))"),
    ),
    *At(SMTP, *DELIVERY_TESTS, identity="email").faults(
        (71, "a mail server that hangs is waited for without end",
         "asyncio.timeout(SEND_SECONDS)", "asyncio.timeout(None)"),
        (71, "a refused sender loses the mail",
         "    except aiosmtplib.SMTPDataError as",
         "    except aiosmtplib.SMTPResponseException as"),
        (0, "what a mail server says opens a link from the log",
         '_TOKEN.sub("token=...", line)', "line"),
        (0, "what a mail server says forges a line of the log",
         'each if each.isprintable() else " "', "each"),
    ),
    *At(MAIL_SETTINGS, *DELIVERY_TESTS, identity="email").faults(
        (71, "mail is sent in the clear", '"start_tls": not is_tls,',
         '"start_tls": None if not is_tls else False,'),
        (71, "any certificate of a mail server will do",
         "ssl.create_default_context()", "ssl._create_unverified_context()"),
    ),
    *At("app/email/messages.py", "tests/test_notices.py", identity="email").faults(
        (72, "strangers put their words into mails",
         "browser if browser in BROWSERS else", "browser or"),
        (72, "strangers put their words into mails as the name of a system",
         "if system in SYSTEMS else name", "if system else name"),
    ),
    *At("app/email/messages.py", *DELIVERY_TESTS, identity="email").faults(
        (72, "a mail shows HTML that a client has sent",
         'autoescape=select_autoescape(["html"]),', "autoescape=False,"),
    ),
    *At(SMTP, *DELIVERY_TESTS, identity="email").faults(
        (72, "a mail has no text form",
         "message.set_content(mail.text)", 'message.set_content(mail.html, subtype="html")'),
    ),
    *At(EMAIL, "tests/test_mail_operation.py", identity="email").faults(
        (73, "anybody can flood a mailbox",
         "MAX_MAILS, MAILS_WINDOW_SECONDS = 5,", "MAX_MAILS, MAILS_WINDOW_SECONDS = 500,"),
    ),
    *At("app/web/rate_limit.py", "tests/test_mail_operation.py", identity="email").faults(
        (73, "anybody can send any number of mails", "20/minute", "2000/minute"),
    ),
    *At("app/env_file.py", "tests/test_config.py").faults(
        (0, "an .env in another encoding is read as if it were empty",
         'if "\\0" in text:', 'if "\\0" in ENCODING:'),
        (0, "a setting is misspelled without a word", "name.upper() not in known", "not known"),
    ),
    *At("app/terminal.py", *CLI_TESTS).faults(
        (0, "the CLI shows the password as it is typed", "hide_input=True", "hide_input=False"),
        (0, "what others typed controls the operator's terminal",
         'each if each.isprintable() else "\\N{REPLACEMENT CHARACTER}"', "each"),
    ),
    *At(LOGS, "tests/test_logs.py").faults(
        (0, "the terminal of an operator shows lines for programs",
         "settings.production and not on_terminal", "settings.production"),
    ),
    *At(CLI, *CLI_TESTS).faults(
        (0, "the CLI lists revoked sessions",
         "        if session.session_version == user.session_version\n", ""),
    ),
    *At(LINKS, "tests/test_recovery.py", identity="email").faults(
        (72, "links lead elsewhere than PUBLIC_URL says",
         'f"{self.public_url}/{purpose}?', 'f"http://localhost:8000/{purpose}?'),
    ),
    *At(LINKS, "tests/test_registration.py", identity="email").faults(
        (64, "the link of an earlier registration by somebody else stays good",
         "for each in Link.__table__.columns}",
         'for each in Link.__table__.columns if each.name != "key"}'),
    ),
    *At(LINKS, "tests/test_links.py").faults(
        (66, "a link works for ever", "Link.expires_at > now,", "Link.expires_at > 0,"),
        (66, "whoever reads the table has the links",
         'return hashlib.sha256(random.encode("ascii")).digest()',
         'return random.encode("ascii")[:32]'),
    ),
    *At(RECOVERY, "tests/test_links.py").faults(
        (66, "a link outlives a new password",
         "        Link.session_version == User.session_version,\n", ""),
        (68, "a reset leaves the sessions as they are",
         "bump_session_version(password_hash=new_hash).where(",
         "update(User).values(password_hash=new_hash)"
         ".returning(User.id, User.session_version).where("),
        (68, "failed attempts lock out whoever has reset the password",
         "        await self.users.authenticator.rate_limiter.forget_failures(user.name)\n", ""),
        (74, "a link is handed out that sets the password of a disabled account",
         "        if not user.is_active:\n            raise UserDisabled(name)\n", ""),
    ),
    *At(RECOVERY, "tests/test_change_of_address.py", identity="email").faults(
        (66, "a link to an earlier address sets the password",
         "        Link.about == User.email,\n", ""),
    ),
    *At(USERS, "tests/test_notices.py", identity="email").faults(
        (70, "nobody is told of a new password",
         '            self.outbox.mail(auth.user.email, "password_changed", auth.client),\n', ""),
    ),
    *At("app/logs.py", "tests/test_links.py").faults(
        (67, "the server logs the tokens of links", 'r"\\1..."', 'r"\\g<0>"'),
    ),
    *At("app/pages/links.py", "tests/test_reset_page.py").faults(
        (67, "the token of a link stays in the address bar",
         "    if token:\n        return keep_token(request, token)\n"
         "    user = await recovery.check_link(kept_token(request))",
         "    user = await recovery.check_link(token or kept_token(request))"),
        (67, "a cache keeps the page that a link opens", "headers=NO_STORE, owner", "owner"),
        (67, "any text of a link comes into a cookie", "if not _TOKEN.fullmatch(token):",
         "if not token:"),
    ),
    *At("app/pages/cookies.py", "tests/test_reset_page.py").faults(
        (5, "the framework parses the cookie of a link",
         'read_cookie(request.scope["headers"], attributes(request, name)["key"])',
         'list(filter(None, [request.cookies.get(attributes(request, name)["key"])]))'),
    ),
    *At(
        EMAIL, "tests/test_registration.py", "tests/attacks/test_enumeration_by_mail.py",
        identity="email",
    ).faults(
        (65, "an unknown address gets no mail, and costs less",
         '            template = "no_account"\n', "            return\n"),
        (65, "a taken address costs no hash",
         "        hashed = await self.users.passwords.hash(password, email)\n"
         "        user = await self._prepare(email)\n        if user:\n",
         "        user = await self._prepare(email)\n"
         '        hashed = user or await self.users.passwords.hash(password, email)\n'
         "        if user:\n"),
    ),
    *At(
        EMAIL, "tests/test_change_of_address.py", "tests/test_recovery.py", identity="email"
    ).faults(
        (69, "the address that an account has is not told of another",
         '            self.outbox.mail(auth.user.email, "email_changing", auth.client, new=new),\n',
         ""),
        (69, "whoever was signed in gets the account after the password was changed",
         "                User.session_version == link.session_version,\n", ""),
        (73, "a mailbox is flooded",
         "MAILS_WINDOW_SECONDS = 5, ", "MAILS_WINDOW_SECONDS = 500, "),
        (73, "a mailbox is flooded by tags", "hash_name(mailbox_of(email))", "hash_name(email)"),
    ),
    *At("app/web/rate_limit.py", "tests/test_recovery.py", identity="email").faults(
        (73, "whoever alternates between routes causes twice as many mails",
         'rate_limit("20/minute", name="mail")', 'rate_limit("20/minute")'),
    ),
    *At(EMAIL, "tests/test_notices.py", identity="email").faults(
        (70, "nobody is told of a sign-in from another device",
         "*(() if is_first else (mail,))", "*()"),
        (70, "nobody is told of who wakes an account that slept for long",
         "user.created_at > now - KEEP_DEVICE_SECONDS and ", ""),
    ),
    *At(OUTBOX, "tests/test_delivery_workers.py", identity="email").faults(
        (71, "a mail of a clock far ahead waits for years", "or_(at <= now, at > latest)",
         "at <= now"),
    ),
    *At(TOTP, *TOTP_TESTS, totp="yes").faults(
        (75, "a code is good twice",
         "or_(TotpSecret.last_step < step,", "or_(TotpSecret.last_step >= 0,"),
        (75, "codes are good for longer", "TOLERANCE = 1", "TOLERANCE = 2"),
        (75, "a secret that was only begun signs in",
         "_app_of(user_id, is_confirmed=is_confirmed),", "TotpSecret.user_id == user_id,"),
        (75, "a clock that was ahead once makes codes void",
         ", TotpSecret.last_step > now + TOLERANCE)", ")"),
        (77, "wrong codes are not limited",
         "await limiter.fail(attempt)", "await limiter.cancel(attempt)"),
        (77, "wrong codes are counted under a name that people can type",
         'f"\\0code {user_id}"', 'f"code {user_id}"'),
        (77, "codes can be guessed for ever",
         "                TotpSecret.failures < MAX_FAILURES_IN_A_ROW,\n", ""),
        (77, "a right code leaves the wrong ones counted", "                failures=0,\n", ""),
        (79, "whoever turns a factor on has not shown it", "amr=Amr.OTP,\n            reason",
         "amr=Amr.PWD,\n            reason"),
    ),
    *At(TOTP, "tests/test_factor_notices.py", identity="email", totp="yes").faults(
        (80, "nobody is told of a new factor",
         '            self._notice(auth, "factor_added"),\n', ""),
        (80, "nobody is told of a recovery code that was used",
         '            self.users.outbox.mail(user.email, "recovery_code_used", client),\n', ""),
        (80, "nobody is told of new recovery codes", "        statements.append(mail)\n", ""),
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
         "amr=Amr(0) if auth.session.record.is_strong else Amr.PWD", "amr=Amr.PWD"),
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
    *At("app/pages/cookies.py", "tests/test_totp_pages.py", totp="yes").faults(
        (76, "a flash message is a sign-in under way", 'f"app.pages.{name}"', '"app.pages"'),
        (55, "a second step of a clock far ahead is open for years",
         "is_current(expires_at, max_age, services.clock())", "services.clock() < expires_at"),
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
    *At("app/api/passkeys.py", *PASSKEY_TESTS[::-1], passkeys="yes").faults(
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
        (0, "a stranger's bytes are an error of the server", "RecursionError)", ")"),
    ),
    *At("app/users/passkeys.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (81, "a counter may go back",
         "Passkey.sign_count < count if count else Passkey.sign_count == 0",
         "Passkey.sign_count >= 0"),
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
         "is_last = is_only_one and not", "is_last = not is_only_one and not"),
        (83, "the only way to sign in is removed with the password",
         "is_last = not await self.kinds_of(auth.user.id)", "is_last = False"),
        (83, "a password is set over another one",
         "if await self.has_password(auth.user):", "if not auth.user:"),
        (83, "a change makes a session fresh again", "_NOTHING = Amr(0)", "_NOTHING = Amr.PWD"),
    ),
    *At("app/api/passkeys.py", *PASSKEY_TESTS, passkeys="yes").faults(
        (83, "a stolen session adds a passkey", "    user: FreshUser, passkeys",
         "    user: CurrentUser, passkeys"),
        (0, "a second tab makes the challenge of the first invalid",
         "browser = known or secrets", "browser = secrets"),
    ),
    *At("app/users/factors.py", "tests/test_passkeys.py", passkeys="yes").faults(
        (83, "a password is enough for an account with a passkey",
         "if kinds := await self.kinds_of(auth.user.id):", "if kinds := []:"),
    ),
    *At("app/templates/password.html", "tests/test_passkey_pages.py", passkeys="yes").faults(
        (84, "the browser is not told which passkeys are left",
         'data-user-handle="{{ user_handle }}"', ""),
    ),
    *At("app/static/passkeys.js", "tests/test_passkey_pages.py", passkeys="yes").faults(
        (84, "the name field offers no passkeys", '"username webauthn"', '"username"'),
    ),
    *At("app/users/openid.py", *OIDC_TESTS, identity="email", oidc="yes").faults(
        (85, "a secret signs tokens", '("RS256", ', '("HS256", "RS256", '),
        (85, "any algorithm will do", "ALGORITHMS = (", 'ALGORITHMS = ("RS384", "RS512", '),
        (85, "a token of another issuer is good",
         '"iss": {"value": issuer}', '"iss": {}'),
        (85, "a token for another app is good",
         '"aud": {"value": self.settings.client_id}', '"aud": {}'),
        (85, "a token is good for ever", '            "exp": {},\n', ""),
        (85, "a token of another attempt is good", ', nonce={"value": attempt.nonce})', ")"),
        (85, "a token may be meant for another client",
         'claims.get("azp", self.settings.client_id) != self.settings.client_id',
         'claims.get("azp", "") is None'),
        (85, "a token for several clients is good for each", 'len(claims["aud"]) > 1',
         'len(claims["aud"]) > 2'),
        (85, "an answer may come from anybody", 'answer.get("iss", "" if says_issuer else '
         'metadata["issuer"]) != metadata["issuer"]', "answer is None and says_issuer"),
        (85, "an answer may hide whose it is", '"" if says_issuer else metadata["issuer"]',
         'metadata["issuer"] if says_issuer else metadata["issuer"]'),
        (85, "a provider may call itself otherwise", 'if found["issuer"] != (',
         'if found["issuer"] is (is_many and issuer) and not ('),
        (85, "tokens are fetched without tls", 'startswith(("https://", issuer))',
         'startswith(("http", issuer))'),
        (88, "what a provider says is kept for ever", "0 <= age < max_age", "0 <= age < 10**9"),
        (88, "a provider is asked again for every token", "REFRESH_SECONDS = 3_600, 60",
         "REFRESH_SECONDS = 3_600, 0"),
        (88, "a new key is never fetched", "await self._discover(REFRESH_SECONDS)",
         "await self._discover()"),
    ),
    *At("app/users/openid.py", "tests/attacks/test_joining.py", "tests/test_presets.py",
        identity="email", oidc="yes").faults(
        (86, "anybody's address is told elsewhere", 'if found["sub"] != subject:', "if False:"),
        (86, "an address need not be verified", 'if verified in (True, "true", "1") else ""',
         'if verified is not self else ""'),
        (86, "tenants claim whose address they like", '"xms_edov" if is_microsoft else "', '"'),
        (85, "a key of one tenant signs for others",
         "if str(signer).replace(TENANT, tenant) != issuer:", "if not signer:"),
    ),
    *At("app/users/openid.py", "tests/test_back_channel_logout.py",
        identity="email", oidc="yes").faults(
        (85, "an id token signs people out", 'if "nonce" in claims or claims["events"]',
         'if claims["events"]'),
        (85, "any event signs people out", '.get(LOGOUT) is None', " is None"),
        (85, "an old logout token signs people out", 'if claims["iat"] < self.clock() - '
         "LOGOUT_SECONDS:", 'if claims["iat"] < 0:'),
    ),
    *At("app/users/providers.py", *OIDC_TESTS, identity="email", oidc="yes").faults(
        (85, "the verifier is told to everybody", 'hashlib.sha256(self.verifier.encode("ascii"))'
         ".digest()", 'self.verifier.encode("ascii")'),
        (88, "an answer may be endless", "if len(body) > MAX_ANSWER_BYTES:", "if body is None:"),
        (88, "a provider that is down is an error of the server",
         "except (httpx2.HTTPError, httpx2.InvalidURL, OSError,", "except (httpx2.InvalidURL,"),
        (88, "an error of a provider is an answer", "if response.status_code != 200:",
         "if response.status_code == 599:"),
        (85, "cookies of one user's sign-in are sent for the next",
         "cookies=nobodys", "cookies=None"),
    ),
    *At("app/users/oidc.py", *OIDC_TESTS, identity="email", oidc="yes").faults(
        (85, "providers share an address", 'f"{settings.public_url}/login/{name}/callback"',
         'f"{settings.public_url}/login/callback"'),
        (86, "what one user began is finished by another",
         "if auth is None or auth.session.record.id != attempt.session_id:", "if auth is None:"),
        (86, "a provider need not ask again", "if attempt.purpose == CONFIRM and asked_at",
         "if attempt.purpose == LINK and asked_at"),
        (86, "anything is a subject", "if not 0 < len(person.subject) <= MAX_SUBJECT_CHARACTERS or "
         "not person.subject.isprintable():", "if not person:"),
        (87, "an answer is taken again and again", "        await self._use_up(attempt.state, "
         "ATTEMPT_SECONDS)\n", ""),
        (87, "state and nonce are the same", "(secrets.token_urlsafe(32) for _ in range(3))",
         "[secrets.token_urlsafe(32)] * 3"),
        (88, "a provider is waited for", "asyncio.timeout(PROVIDER_SECONDS)",
         "asyncio.timeout(PROVIDER_SECONDS and None)"),
        (88, "nonsense is an error of the server", "except MALFORMED as error:",
         "except KeyError as error:"),
        (88, "an error of the provider is not noticed", 'if "error" in answer:',
         'if "err" in answer:'),
    ),
    *At("app/users/oidc.py", "tests/test_back_channel_logout.py",
        identity="email", oidc="yes").faults(
        (85, "a logout token is good again and again",
         "await self._use_up(f\"{claims['iss']} {claims['jti']}\", LOGOUT_SECONDS)", "del token"),
        (85, "a session of another name ends", 'if "sid" in claims:', 'if "sid" not in claims:'),
    ),
    *At("app/users/identities.py", "tests/attacks/test_joining.py", *OIDC_TESTS,
        identity="email", oidc="yes").faults(
        (86, "an address folds to that of somebody else",
         'normalise(person.email if person.email.isascii() else "")', "normalise(person.email)"),
        (86, "the subject of any issuer is the same person",
         "Identity.issuer == person.issuer, Identity", "Identity"),
        (86, "a disabled account is joined", "        if not row.is_active:\n"
         '            log_failure(provider, "the account is disabled")\n'
         "            raise ProviderError\n        # Every",  "        # Every"),
        (86, "a disabled account is opened", "if row is None or not row.is_active:",
         "if row is None:"),
        (86, "the last way to sign in is removed",
         "if await count_ways(self.users.database, auth.user.id) == 1:", "if not identities:"),
        (86, "anybody removes an identity", "if each.id == identity_id]", "] or identities"),
        (86, "any identity confirms", "if row is None or row.user_id != auth.user.id:",
         "if row is None and auth:"),
        (86, "nobody is told of a new identity",
         "await self._store(_new_identity(provider, person, row.id, self.users.clock()), notice)",
         "await self._store(_new_identity(provider, person, row.id, self.users.clock()))"),
        (0, "accounts are made where registration is closed",
         "if not self.settings.allow_registration:", "if not self.settings:"),
        (0, "an account has identities without end", ">= MAX_IDENTITIES:", "< 0:"),
        (0, "nothing is remembered of sessions that began there", "if not sign_in.identity_id:",
         "if sign_in.identity_id:"),
    ),
    *At("app/users/identities.py", "tests/test_choosing_a_name.py", oidc="yes").faults(
        (86, "a name that is taken is given away",
         "if await self.users.database.fetch_one(select(User.id).where(User.name == name)):\n"
         "            raise NameTaken", "if not name:\n            raise NameTaken"),
    ),
    *At("app/web/round_trips.py", *OIDC_TESTS, identity="email", oidc="yes").faults(
        (87, "an answer is for any provider", "if attempt.provider != provider or", "if"),
        (87, "an answer has any state", " or attempt.state != state:", ":"),
        (87, "an answer is good for an hour",
         "is_current(expires_at, ATTEMPT_SECONDS, services.clock())",
         "expires_at > services.clock() - 3000"),
        (87, "the cookie is left behind", 'samesite="lax")', 'samesite="strict")'),
        (87, "one cookie for all attempts", 'return f"at-{state[:8]}"', 'return "at-aaaaaaaa"'),
        (87, "attempts pile up", "names[: 1 - MAX_ATTEMPTS]", "names[:0]"),
    ),
    *At("app/api/oidc.py", *OIDC_TESTS, identity="email", oidc="yes").faults(
        (86, "a stolen session links an account", "    _: FreshUser,\n    auth: CurrentAuth,\n"
         "    round_trips", "    auth: CurrentAuth,\n    round_trips"),
        (86, "a stolen session removes an identity", "identity_id: int, _: FreshUser, auth",
         "identity_id: int, auth"),
    ),
    *At("app/users/ways_in.py", *OIDC_TESTS, identity="email", oidc="yes").faults(
        (86, "nobody has a password", "case((User.password_hash.is_not(None), 1), else_=0)",
         "case((User.password_hash.is_(None), 0), else_=0)"),
    ),
)
# fmt: on


def sample(day: int, count: int) -> tuple[Mutant, ...]:
    """Return the mutants whose turn it is on a day; in a row of days each has its turn."""
    places = range(day * count, day * count + min(count, len(MUTANTS)))
    return tuple(MUTANTS[place % len(MUTANTS)] for place in places)
