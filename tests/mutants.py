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

    @property
    def stack(self) -> str:
        """The name of the project it is a fault of."""
        return f"{self.backend}-{self.database}"

    @property
    def answers(self) -> Mapping[str, str]:
        """The answers that make this project."""
        return {"session_backend": self.backend, "database": self.database}

    def put_into(self, text: str) -> str:
        """Return the text of the file with the fault in it."""
        assert text.count(self.old) == 1, f"{self.name}: {self.file} has changed"
        return text.replace(self.old, self.new)


class At:
    """A file of a project, and the tests that are about it."""

    def __init__(
        self, file: str, *tests: str, backend: str = "database", database: str = "sqlite"
    ) -> None:
        self._file, self._tests = file, tests
        self._backend, self._database = backend, database

    def faults(self, *rows: tuple[int, str, str, str]) -> list[Mutant]:
        """Return mutants of the file. A row: promise, name, old text, new text."""
        return [
            Mutant(promise, name, self._file, old, new, self._tests, self._backend, self._database)
            for promise, name, old, new in rows
        ]


COOKIE = "app/sessions/cookie.py"
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
DEPENDENCIES = "app/web/dependencies.py"
MAIN = "app/main.py"
REDIRECTS = "app/pages/redirects.py"
ERRORS = "app/web/errors.py"
USERNAMES = "app/users/usernames.py"
RATE_LIMIT = "app/users/rate_limit.py"
LOG = "app/security_log.py"
CONFIG = "app/config.py"
CLI = "app/cli.py"
MIGRATION = "migrations/versions/0001_first_tables.py"

TOKEN_TESTS = ("tests/test_token.py", "tests/attacks/test_forged_tokens.py")
LOG_TESTS = ("tests/test_security_log.py", "tests/attacks/test_log_forging.py")
CLI_TESTS = ("tests/test_cli.py", "tests/test_cli_lists.py")
USERNAME_TESTS = ("tests/test_sign_in.py", "tests/attacks/test_fuzz.py")

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
    *At(COOKIE, "tests/attacks/test_fixation.py").faults(
        (5, "odd bytes around the cookie's name are ignored",
         'pair.removeprefix(b" ")', 'pair.decode("latin-1").strip().encode("latin-1")'),
        (6, "of two cookies the last counts",
         'values.append(value.decode("latin-1"))', 'values = [value.decode("latin-1")]'),
        (7, "a token counts in any header",
         'header == b"cookie" and name in content', "name in content"),
    ),
    *At(REQUEST_SESSION, "tests/test_cookie.py").faults(
        (3, "the cookie survives the browser without remember me",
         " if record.remember else None", ""),
        (4, "logout leaves the cookie",
         "self._deletes_cookie = True", "self._deletes_cookie = False"),
    ),
    *At(REQUEST_SESSION, "tests/attacks/test_fixation.py").faults(
        (5, "the framework parses the cookie", "return self._services.cookie.read(self._headers)",
         'cookies = HTTPConnection({"type": "http", "headers": self._headers}).cookies\n'
         "        return [cookies[name]] if (name := self._services.cookie.name) in "
         "cookies else []"),
        (6, "of two cookies the first counts", "if len(tokens) > 1:", "if len(tokens) > 2:"),
    ),
    *At(REQUEST_SESSION, "tests/test_sign_in.py").faults(
        (19, "logout only deletes the cookie",
         "await self._services.sessions.revoke(*self.tokens())", "self.tokens()"),
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
         'hmac.digest(key, value, "sha256")', 'hmac.digest(key, value, "sha1")'),
        (12, "tokens are signed with the library's salt",
         'hmac.digest(key.encode(), salt, "sha256")',
         'hmac.digest(key.encode(), b"itsdangerous.Signer", "sha256")'),
        (11, "tokens are signed with the library's derivation of keys",
         'hmac.digest(key.encode(), salt, "sha256")',
         '__import__("hashlib").sha256(salt + b"signer" + key.encode()).digest()'),
        (13, "a signature can be written in several ways",
         "if hmac.compare_digest(signer.get_signature(text), signature):",
         "if signer.verify_signature(text, signature):"),
        (11, "the signature is not verified",
         "if hmac.compare_digest(signer.get_signature(text), signature):",
         "if signer.get_signature(text):"),
        (14, "the oldest key signs", "self._signers[0].sign(text)", "self._signers[-1].sign(text)"),
        (14, "older keys no longer verify",
         "for signer in self._signers:", "for signer in self._signers[:1]:"),
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
    *At(STORE, "tests/test_store.py", backend="signed-cookie").faults(
        (15, "a token from the future is valid",
         " or session.created_at > now + CLOCK_SKEW_SECONDS", ""),
    ),
    *At(STORE, "tests/test_sessions.py", backend="signed-cookie").faults(
        (19, "revoked tokens are valid",
         '    ~exists().where(EndedSession.key == bindparam("key")),\n', ""),
        (21, "the session_version is not compared (signed-cookie)",
         '    User.session_version == bindparam("session_version"),\n', ""),
        (24, "a rotated token stays valid (signed-cookie)",
         "return await self.remove(old)", "return old is not None"),
    ),
    *At(STORE, "tests/test_sessions.py").faults(
        (21, "the session_version is not compared (database)",
         ", User.session_version == UserSession.session_version", ""),
        (21, "a disabled account keeps its sessions", "User.is_active, ", ""),
        (24, "late activity brings back a revoked session (database)",
         "await self._database.run(_TOUCH, values)",
         "if not await self._database.run(_TOUCH, values):\n            await self.add(seen)"),
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
    *At(STORE, "tests/test_server_side_sessions.py", backend="memory").faults(
        (24, "a late write is kept with a revoked session",
         "            raise SessionEnded\n        values = {",
         "            pass\n        values = {"),
    ),
    *At(STORE, "tests/test_store.py").faults(
        (25, "expired sessions stay in the table",
         'return await self._database.run(_SWEEP, {"now": now, "batch": SWEEP_BATCH})', "return 0"),
    ),
    *At(USERS, "tests/attacks/test_fixation.py").faults(
        (18, "sign-in adopts the token it came with",
         "session = await self._sessions.create(row.id, row.session_version, client, "
         "remember=remember)\n"
         "        await self._sessions.revoke(*old_tokens)",
         "sent = await self._sessions.resume(old_tokens[0]) if old_tokens else None\n"
         "        session = sent or await self._sessions.create(\n"
         "            row.id, row.session_version, client, remember=remember\n"
         "        )"),
        (17, "the token that sign-in came with stays valid",
         "        await self._sessions.revoke(*old_tokens)\n", ""),
    ),
    *At(USERS, "tests/test_session_life.py").faults(
        (21, "a new password keeps the session version", "_CHANGE_PASSWORD = _MOVE_ON.where(",
         "_CHANGE_PASSWORD = update(User).returning(User.id, User.session_version).where("),
        (23, "a new password does not require the current one",
         'await self._prove(user, session, client, current, "authn_password_change_fail")', "pass"),
    ),
    *At(USERS, "tests/attacks/test_replay.py").faults(
        (21, "a new password keeps the other sessions",
         "await self._sessions.revoke_before(changed.session_version, user.id)", "pass"),
    ),
    *At(USERS, "tests/test_account.py").faults(
        (21, "a new role keeps the sessions", "_CHANGE_ROLE = _MOVE_ON.where(",
         "_CHANGE_ROLE = update(User).returning(User.id, User.session_version).where("),
        (21, "a revoked session can delete the account",
         'User.session_version == bindparam("old_session_version")',
         'User.session_version >= bindparam("old_session_version")'),
    ),
    *At(USERS, "tests/test_redis.py", backend="redis").faults(
        (22, "deleting an account leaves sessions nobody can revoke",
         "await self._delete(await self._end_all(_DISABLE, username))",
         'moved = await self._database.first(_DISABLE, {"name": normalise(username)})\n'
         "        await self._delete(moved.id)\n"
         "        await self._sessions.revoke_before(moved.session_version, moved.id)"),
    ),
    *At(USERS, "tests/test_passwords.py").faults(
        (37, "outdated hashes are kept", "if newer_hash:", "if not right:"),
    ),
    *At(USERS, "tests/attacks/test_floods.py").faults(
        (40, "guesses count only after the password was checked",
         "        attempt = await self._rate_limiter.acquire(username, address)\n"
         '        row = await self._database.first(_FIND, {"username": username})\n'
         "        right, newer_hash = await self._passwords.verify(\n"
         "            password, row.password_hash if row else None\n"
         "        )\n",
         '        row = await self._database.first(_FIND, {"username": username})\n'
         "        right, newer_hash = await self._passwords.verify(\n"
         "            password, row.password_hash if row else None\n"
         "        )\n"
         "        attempt = await self._rate_limiter.acquire(username, address)\n"),
    ),
    *At(USERS, *LOG_TESTS).faults(
        (47, "the log holds what was typed as a username",
         "actor=row.id if row else None", "actor=row.id if row else username"),
    ),
    *At("app/pages/auth.py", "tests/attacks/test_every_route.py").faults(
        (29, "a link can sign out",
         '@router.post("/logout")', '@router.api_route("/logout", methods=["GET", "POST"])'),
    ),
    *At(SESSION, "tests/test_session_life.py").faults(
        (20, "the idle limit is ignored",
         "return ends_at if remember else min(ends_at, last_seen_at + self.idle_timeout)",
         "return ends_at"),
    ),
    *At(SESSIONS, "tests/test_session_life.py").faults(
        (20, "activity moves the absolute limit",
         "created_at=record.created_at, last_seen_at=last_seen_at,",
         "created_at=last_seen_at, last_seen_at=last_seen_at,"),
    ),
    *At(SESSIONS, "tests/test_sessions.py").faults(
        (20, "lower limits only apply to new sessions",
         "if self._has_expired(record, now):", "if not record:"),
    ),
    *At(SESSIONS, "tests/test_session_list.py").faults(
        (22, "anyone revokes a session whose id they know", " and record.user_id == user_id", ""),
    ),
    *At(SESSIONS, "tests/test_account.py").faults(
        (23, "every session is fresh",
         "return self._clock() - session.record.authenticated_at <= FRESH_SECONDS", "return True"),
    ),
    *At(SESSIONS, "tests/test_account.py", backend="memory").faults(
        (23, "activity makes a session fresh", "return record._replace(last_seen_at=now, ",
         "return record._replace(authenticated_at=now, last_seen_at=now, "),
    ),
    *At(SESSIONS, "tests/test_websocket.py").faults(
        (36, "an open WebSocket keeps its session alive",
         "return found is not None and not self._has_expired(found[0], now)",
         "return bool(found and await self._seen(found[0], token, now))"),
    ),
    *At(SESSIONS, *TOKEN_TESTS).faults(
        (9, "the log holds the token", "user_agent=client.user_agent\n        )\n",
         "user_agent=client.user_agent, token=token\n        )\n"),
    ),
    *At("app/sessions/user_lookup.py", "tests/test_sessions.py", backend="memory").faults(
        (21, "the session_version is not compared (memory)",
         'User.session_version == bindparam("session_version"), ', ""),
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
    *At(DATABASE, "tests/test_database.py").faults(
        (27, "errors of the database become errors of the app",
         "except causes as error:\n        raise StoreUnavailable from error",
         "except causes:\n        raise"),
    ),
    *At(DATABASE, "tests/test_database.py", database="postgresql").faults(
        (27, "a connection that failed is used again", "context.is_disconnect = True", "pass"),
    ),
    *At(MIGRATION, "tests/attacks/test_replay.py", backend="signed-cookie").faults(
        (21, "the id of a deleted user is reused",
         'name="uq_users_username"),\n        sqlite_autoincrement=True,\n',
         'name="uq_users_username"),\n'),
    ),
    *At(ENCRYPTION, "tests/test_encryption.py").faults(
        (26, "values are stored in the clear", "[AESGCM(_derive(key)) for key in keys]",
         'keys and [type("Clear", (), {"encrypt": lambda _, nonce, text, place: text + '
         "bytes(16),\n"
         '            "decrypt": lambda _, nonce, encrypted, place: encrypted[:-16]})()]'),
        (26, "the signing key itself encrypts",
         "return HKDF(algorithm=SHA256(), length=32, salt=None, "
         "info=PURPOSE).derive(key.encode())",
         'return __import__("hashlib").sha256(key.encode()).digest()'),
        (26, "the encryption key is derived for no purpose", "info=PURPOSE", 'info=b""'),
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
         "origin[0] == own_origin", "origin[0].startswith(own_origin)"),
        (28, "an origin with another scheme is ours", "origin[0] == own_origin",
         'origin[0].partition("://")[2] == own_origin.partition("://")[2]'),
        (28, "the origin null is ours",
         "origin[0] == own_origin", 'origin[0] in (own_origin, "null")'),
        (28, "sibling subdomains are ours",
         '("same-origin", "none")', '("same-origin", "same-site", "none")'),
        (28, "an origin that is sent twice is ours",
         "if len(sec_fetch_site) > 1 or len(origin) > 1:", "if not method:"),
    ),
    *At(MIDDLEWARE, "tests/test_websocket.py").faults(
        (36, "any site opens a WebSocket", 'else "CONNECT"', 'else "GET"'),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_every_route.py").faults(
        (34, "any Host is served", "allowed_hosts=settings.allowed_hosts", 'allowed_hosts=["*"]'),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_guessing.py").faults(
        (34, "forwarding headers are trusted by default",
         "if self._is_configured:", "if self is not None:"),
    ),
    *At(MIDDLEWARE, "tests/test_headers.py").faults(
        (35, "production serves plain http",
         "HTTPSRedirectMiddleware(app) if settings.production else app", "app"),
        (45, "inline styles are allowed", "style-src 'self';", "style-src 'self' 'unsafe-inline';"),
        (45, "pages can be framed", '    (b"x-frame-options", b"DENY"),\n', ""),
        (35, "development pins localhost to https",
         'self._is_production and scope["scheme"] == "https"', 'scope["scheme"] == "https"'),
    ),
    *At(MIDDLEWARE, "tests/attacks/test_bodies.py").faults(
        (44, "a body over the limit is read to its end",
         "self._app if size == 0 else self._counting_app", "self._app"),
        (44, "the Content-Length of a body is ignored",
         "if size and size > self._max_body_bytes:", "if scope is None:"),
    ),
    *At(WEBSOCKET, "tests/test_websocket.py").faults(
        (36, "a WebSocket outlives its session",
         "has_ended = not await sessions.is_active(session.token)", "has_ended = not session"),
    ),
    *At(PASSWORDS, "tests/test_passwords.py").faults(
        (37, "registrations keep others from signing in",
         "self._rating_limiter = CapacityLimiter(1)",
         "self._rating_limiter = self._limiter = CapacityLimiter(1)"),
        (38, "short passwords are accepted", "if len(text) < self._min_length:", "if not text:"),
        (38, "passwords are counted before normalisation",
         "if len(text) < self._min_length:", "if len(password) < self._min_length:"),
        (38, "endless passwords are accepted",
         "if len(text) > PASSWORD_MAX_CHARACTERS:", "if not text:"),
        (38, "passwords are truncated",
         'unicodedata.normalize("NFC", password)', 'unicodedata.normalize("NFC", password)[:72]'),
        (38, "passwords are not normalised", 'unicodedata.normalize("NFC", password)', "password"),
        (38, "common passwords are accepted",
         'if rating["score"] < _MIN_SCORE:', 'if rating["score"] < 0:'),
        (38, "passwords may contain the app's name", "(username, self._app_name)", "(username,)"),
        (38, "passwords may contain the username",
         "(username, self._app_name)", "(self._app_name,)"),
        (37, "hashes are weak", "argon2__memory_cost=19_456", "argon2__memory_cost=1_024"),
    ),
    *At(PASSWORDS, "tests/attacks/test_enumeration.py").faults(
        (37, "passwords are hashed on the event loop",
         "right, newer = await to_thread.run_sync(\n"
         "            _CONTEXT.verify_and_update,\n"
         "            _normalise(password),\n"
         "            hashed or self._dummy,\n"
         "            limiter=self._limiter,\n"
         "        )",
         "right, newer = _CONTEXT.verify_and_update(\n"
         "            _normalise(password), hashed or self._dummy\n"
         "        )"),
        (39, "an unknown username costs no hash", "        right, newer = await",
         "        if hashed is None:\n"
         "            return False, None\n"
         "        right, newer = await"),
    ),
    *At(DEPENDENCIES, "tests/test_dependencies.py").faults(
        (31, "what is not an ordinary route is public",
         "if any(app.router._iter_low_priority_routes()):", "if False:"),
    ),
    *At(DEPENDENCIES, "tests/attacks/test_bodies.py").faults(
        (43, "every user is an administrator", "if user.role != ADMIN:", "if not user.role:"),
    ),
    *At("app/api/routes.py", "tests/attacks/test_bodies.py").faults(
        (30, "the API's routes take bodies without a content type",
         'APIRouter(prefix="/api", ', 'APIRouter(prefix="/api", strict_content_type=False, '),
    ),
    *At(MAIN, "tests/test_dependencies.py").faults(
        (31, "an undeclared route is public", "access.refuse_undeclared_routes(app)", "pass"),
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
    *At(MAIN, "tests/test_headers.py").faults(
        (45, "the last-resort 500 has no headers",
         "return SecurityMiddleware(super().build_middleware_stack(), self.state.services)",
         "stack: ASGIApp = super().build_middleware_stack()\n"
         '        vars(stack)["app"] = SecurityMiddleware(vars(stack)["app"], '
         "self.state.services)\n"
         "        return stack"),
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
        (0, "401 has no challenge", "return sign_in_first(connection, _challenge(connection))",
         "return sign_in_first(connection, {})"),
    ),
    *At(ERRORS, "tests/attacks/test_guessing.py").faults(
        (40, "429 has no Retry-After", 'headers["Retry-After"] = str(error.retry_after)', "pass"),
    ),
    *At("app/pages/templating.py", "tests/test_pages.py").faults(
        (0, "pages show usernames unescaped", "autoescape=True", "autoescape=False"),
    ),
    *At("app/pages/forms.py", "tests/test_pages.py").faults(
        (0, "an error is shown next to another field",
         '_PURPOSES.get(type(error), "current-password")', '"username"'),
    ),
    *At("app/pages/session_list.py", "tests/test_session_list_page.py").faults(
        (22, "every device is shown as this one",
         "current=session.key == current.key", "current=True"),
    ),
    *At(USERNAMES, *USERNAME_TESTS).faults(
        (41, "usernames are case-sensitive",
         'unicodedata.normalize("NFKC", name).casefold()', 'unicodedata.normalize("NFKC", name)'),
        (41, "usernames differ by width", 'unicodedata.normalize("NFKC", folded).strip()',
         'unicodedata.normalize("NFC", name).casefold().strip()'),
        (41, "usernames hold invisible characters", " or _INVISIBLE.search(folded)", ""),
    ),
    *At(RATE_LIMIT, "tests/attacks/test_guessing.py").faults(
        (40, "guesses only count for the account",
         ", (of_address, self._max_failures * WIDER)", ""),
        (40, "guesses only count for the address",
         "limits.append((of_name, self._max_failures * WIDER))", "pass"),
        (40, "strangers lock the owner out",
         "if not await self._database.first(_KNOWN, values):", "if values:"),
        (40, "a success clears the failures of other addresses",
         '.where(_same_name, _same_address, LoginAttempt.id < bindparam("id"))',
         '.where(_same_name, LoginAttempt.id < bindparam("id"))'),
        (40, "a success clears the failures at other accounts",
         '.where(_same_name, _same_address, LoginAttempt.id < bindparam("id"))',
         '.where(_same_address, LoginAttempt.id < bindparam("id"))'),
        (40, "each address of an IPv6 network counts by itself",
         "if not isinstance(parsed, IPv6Address):", "if parsed:"),
    ),
    *At(LOG, *LOG_TESTS).faults(
        (47, "the log holds whole session keys", "digest.hex()[:12]", "digest.hex()"),
        (47, "a username writes lines into the log",
         "if value is not None})", "if value is not None}, ensure_ascii=False)"),
    ),
    *At(CONFIG, "tests/test_settings.py").faults(
        (14, "a short key is accepted",
         "if any(len(text) < KEY_MIN_CHARACTERS for text in texts):", "if not any(texts):"),
        (42, "a placeholder key is accepted",
         "if any(spelling.is_placeholder(text) for text in texts):", "if not any(texts):"),
        (2, "SameSite=None needs no Secure",
         'if samesite == "none" and info.data.get("session_cookie_secure") is False:',
         "if not samesite:"),
        (2, "production sends the cookie in the clear",
         'if not secure and info.data.get("environment") == "production":', "if secure is None:"),
        (33, "a wildcard is a trusted origin", 'not parts["host"].startswith("*") and ', ""),
    ),
    *At(CONFIG, "tests/test_settings.py", database="postgresql").faults(
        (0, "production uses the database of development",
         'if url == DEFAULT_DATABASE_URL and info.data.get("environment") == "production":',
         "if not url:"),
    ),
    *At(CLI, *CLI_TESTS).faults(
        (0, "the CLI shows the password as it is typed",
         'password := getpass.getpass("Password: ")', 'password := input("Password: ")'),
        (0, "what others typed controls the operator's terminal",
         'each if each.isprintable() else "\\N{REPLACEMENT CHARACTER}"', "each"),
        (0, "the CLI lists revoked sessions",
         "        if each.session_version == account.session_version\n", ""),
    ),
)
# fmt: on


def sample(day: int, count: int) -> tuple[Mutant, ...]:
    """Return the mutants whose turn it is on a day; in a row of days each has its turn."""
    places = range(day * count, day * count + min(count, len(MUTANTS)))
    return tuple(MUTANTS[place % len(MUTANTS)] for place in places)
