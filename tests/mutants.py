"""Faults that somebody may bring into a generated project; its own tests notice each of them.

None is an idle change: with each of them a promise of the app is broken.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A fault. name: what is broken. tests: the files of the project that are asked first."""

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


COOKIE = "app/sessions/cookie.py"
VISIT = "app/web/visit.py"
SIGNATURE = "app/sessions/signature.py"
TICKET = "app/sessions/ticket.py"
SESSIONS = "app/sessions/service.py"
SESSION = "app/sessions/session.py"
STORE = "app/sessions/store.py"
LIVE = "app/sessions/live.py"
SEAL = "app/sessions/seal.py"
ACCOUNTS = "app/accounts/service.py"
CREDENTIALS = "app/accounts/credentials.py"
NAMES = "app/accounts/names.py"
PASSWORDS = "app/accounts/passwords.py"
THROTTLE = "app/accounts/throttle.py"
ACCESS = "app/web/access.py"
EDGE = "app/web/edge.py"
ERRORS = "app/web/errors.py"
HEADERS = "app/web/headers.py"
ORIGIN = "app/web/origin.py"
SOCKETS = "app/web/sockets.py"
FACTORY = "app/factory.py"
SETTINGS = "app/settings.py"
LOG = "app/security_log.py"

ABOUT_COOKIE = ("tests/test_cookie.py",)
ABOUT_PLANTED = ("tests/attacks/test_planted_cookies.py",)
ABOUT_TICKET = ("tests/test_ticket.py", "tests/attacks/test_forged_tickets.py")
ABOUT_SESSIONS = ("tests/test_sessions.py",)
ABOUT_LIFE = ("tests/test_session_life.py",)
ABOUT_REPLAY = ("tests/attacks/test_replay.py",)
ABOUT_SIGN_IN = ("tests/test_sign_in.py",)
ABOUT_STORE = ("tests/test_store.py",)
ABOUT_STORED = ("tests/test_kept_at_the_server.py",)
ABOUT_SEAL = ("tests/test_seal.py",)
ABOUT_ACCOUNT = ("tests/test_account.py",)
ABOUT_NAMES = ("tests/test_sign_in.py", "tests/attacks/test_fuzz.py")
ABOUT_PASSWORDS = ("tests/test_passwords.py",)
ABOUT_ENUMERATION = ("tests/attacks/test_enumeration.py",)
ABOUT_GUESSING = ("tests/attacks/test_guessing.py",)
ABOUT_CROSS_SITE = ("tests/attacks/test_cross_site.py",)
ABOUT_ROUTES = ("tests/attacks/test_every_route.py",)
ABOUT_SOCKETS = ("tests/test_sockets.py",)
ABOUT_REDIRECTS = ("tests/attacks/test_open_redirects.py",)
ABOUT_BODIES = ("tests/attacks/test_bodies.py",)
ABOUT_HEADERS = ("tests/test_headers.py",)
ABOUT_OTHER_SITES = ("tests/test_other_sites.py",)
ABOUT_ACCESS = ("tests/test_access.py",)
ABOUT_SETTINGS = ("tests/test_settings.py",)
ABOUT_LOG = ("tests/test_security_log.py", "tests/attacks/test_log_forging.py")
ABOUT_SHELL = ("tests/test_shell.py", "tests/test_shell_lists.py")
ABOUT_DATABASE = ("tests/test_database.py",)

MUTANTS = (
    # The cookie.
    Mutant(
        "the cookie lacks Secure",
        COOKIE,
        'parts.append("Secure")',
        "pass",
        ABOUT_COOKIE,
    ),
    Mutant(
        "the cookie lacks HttpOnly",
        COOKIE,
        '"Path=/", "HttpOnly"',
        '"Path=/"',
        ABOUT_COOKIE,
    ),
    Mutant(
        "the cookie lacks SameSite",
        COOKIE,
        'parts.append(f"SameSite={self.samesite.capitalize()}")',
        "pass",
        ABOUT_COOKIE,
    ),
    Mutant(
        "the cookie has a Domain",
        COOKIE,
        '"Path=/", ',
        '"Path=/", "Domain=localhost", ',
        ABOUT_COOKIE,
    ),
    Mutant(
        "the cookie outlives the browser without being asked to",
        VISIT,
        " if record.remember else None",
        "",
        ABOUT_COOKIE,
    ),
    Mutant(
        "a cookie too large for browsers is sent",
        COOKIE,
        " > MAX_COOKIE_BYTES",
        " > MAX_COOKIE_BYTES * 2",
        ABOUT_COOKIE,
    ),
    Mutant(
        "the framework reads the cookie",
        VISIT,
        "return self._services.cookie.read(self._headers)",
        'cookies = HTTPConnection({"type": "http", "headers": self._headers}).cookies\n'
        "        return [cookies[name]] if (name := self._services.cookie.name) in cookies else []",
        ABOUT_PLANTED,
    ),
    Mutant(
        "odd bytes around the cookie's name are ignored",
        COOKIE,
        'pair.removeprefix(b" ")',
        'pair.decode("latin-1").strip().encode("latin-1")',
        ABOUT_PLANTED,
    ),
    Mutant(
        "of two cookies the first counts",
        VISIT,
        "if len(tickets) > 1:",
        "if len(tickets) > 2:",
        ABOUT_PLANTED,
    ),
    Mutant(
        "of two cookies the last counts",
        COOKIE,
        'values.append(value.decode("latin-1"))',
        'values = [value.decode("latin-1")]',
        ABOUT_PLANTED,
    ),
    Mutant(
        "a ticket counts in any header",
        COOKIE,
        'header == b"cookie" and name in content',
        "name in content",
        ABOUT_PLANTED,
    ),
    # The ticket.
    Mutant(
        "tickets come from a generator that can be predicted",
        TICKET,
        "secrets.token_urlsafe(RANDOM_BYTES)",
        '__import__("itsdangerous").encoding.base64_encode(\n'
        '            __import__("random").randbytes(RANDOM_BYTES)\n'
        '        ).decode("ascii")',
        ABOUT_TICKET,
    ),
    Mutant(
        "tickets hold 128 random bits",
        TICKET,
        "secrets.token_urlsafe(RANDOM_BYTES)",
        'secrets.token_hex(16) + "A" * 11',
        ABOUT_TICKET,
    ),
    Mutant(
        "sessions are named by 64 random bits",
        TICKET,
        "secrets.token_bytes(RANDOM_BYTES)",
        "secrets.token_bytes(8).ljust(RANDOM_BYTES)",
        ABOUT_TICKET,
        "signed-cookie",
    ),
    Mutant(
        "the store knows the tickets themselves",
        TICKET,
        'return hashlib.sha256(random.encode("ascii")).digest()',
        'return random.encode("ascii")',
        ABOUT_STORED,
    ),
    Mutant(
        "a look-up gives what the driver has found",
        "app/reader.py",
        "values[at] = process(values[at])",
        "values[at] = values[at]",
        ("tests/test_database.py",),
    ),
    Mutant(
        "Redis' answers go to whoever asked last",
        "app/pipeline.py",
        "asked, _ = self._asked.popleft()",
        "asked, _ = self._asked.pop()",
        ("tests/test_redis.py",),
        "redis",
    ),
    Mutant(
        "a connection that has broken is used again",
        "app/reader.py",
        "with suppress(*_LOST):",
        "with suppress(ZeroDivisionError):",
        ("tests/test_database.py",),
        database="postgresql",
    ),
    Mutant(
        "tickets are signed with SHA-1",
        SIGNATURE,
        'hmac.digest(key, value, "sha256")',
        'hmac.digest(key, value, "sha1")',
        ABOUT_TICKET,
    ),
    Mutant(
        "tickets are signed with the library's salt",
        SIGNATURE,
        'hmac.digest(key.encode(), salt, "sha256")',
        'hmac.digest(key.encode(), b"itsdangerous.Signer", "sha256")',
        ABOUT_TICKET,
    ),
    Mutant(
        "tickets are signed with the library's derivation of keys",
        SIGNATURE,
        'hmac.digest(key.encode(), salt, "sha256")',
        '__import__("hashlib").sha256(salt + b"signer" + key.encode()).digest()',
        ABOUT_TICKET,
    ),
    Mutant(
        "a signature has several spellings",
        SIGNATURE,
        "if hmac.compare_digest(signer.get_signature(text), signature):",
        "if signer.verify_signature(text, signature):",
        ABOUT_TICKET,
    ),
    Mutant(
        "the signature is not verified",
        SIGNATURE,
        "if hmac.compare_digest(signer.get_signature(text), signature):",
        "if signer.get_signature(text):",
        ABOUT_TICKET,
    ),
    Mutant(
        "the oldest key signs",
        SIGNATURE,
        "self._signers[0].sign(text)",
        "self._signers[-1].sign(text)",
        ABOUT_TICKET,
    ),
    Mutant(
        "older keys do not verify",
        SIGNATURE,
        "for signer in self._signers:",
        "for signer in self._signers[:1]:",
        ABOUT_TICKET,
    ),
    Mutant(
        "what looks like no ticket is read",
        TICKET,
        "if not _FORM.fullmatch(ticket):",
        "if not ticket:",
        ABOUT_TICKET,
    ),
    Mutant(
        "a ticket from the future is good",
        STORE,
        " or session.created_at > now + CLOCK_SKEW_SECONDS",
        "",
        ABOUT_STORE,
        "signed-cookie",
    ),
    Mutant(
        "a ticket is revoked by its text",
        TICKET,
        "return Session._make((*_CLAIMS.unpack(base64_decode(claims)), data))",
        "session = Session._make((*_CLAIMS.unpack(base64_decode(claims)), data))\n"
        '        digest = __import__("hashlib").sha256(ticket.encode())\n'
        "        return session._replace(key=digest.digest())",
        ABOUT_STORE,
        "signed-cookie",
    ),
    # The life of a session.
    Mutant(
        "sign-in adopts the ticket that was sent along",
        ACCOUNTS,
        "session = await self._sessions.start(row.id, row.epoch, client, remember=remember)\n"
        "        await self._sessions.end(*old_tickets)",
        "sent = await self._sessions.resume(old_tickets[0]) if old_tickets else None\n"
        "        session = sent or await self._sessions.start(\n"
        "            row.id, row.epoch, client, remember=remember\n"
        "        )",
        ABOUT_PLANTED,
    ),
    Mutant(
        "the ticket that was sent to sign-in stays good",
        ACCOUNTS,
        "        await self._sessions.end(*old_tickets)\n",
        "",
        ABOUT_SIGN_IN,
    ),
    Mutant(
        "logout deletes the cookie only",
        VISIT,
        "await self._services.sessions.end(*self.tickets())",
        "self.tickets()",
        ABOUT_SIGN_IN,
    ),
    Mutant(
        "logout leaves the cookie",
        VISIT,
        "self._deletes_cookie = True",
        "self._deletes_cookie = False",
        ABOUT_COOKIE,
    ),
    Mutant(
        "a link can sign out",
        "app/web/pages.py",
        '@router.post("/logout")',
        '@router.api_route("/logout", methods=["GET", "POST"])',
        ABOUT_ROUTES,
    ),
    Mutant(
        "ended tickets are good",
        STORE,
        '    ~exists().where(EndedSession.key == bindparam("key")),\n',
        "",
        ABOUT_SESSIONS,
        "signed-cookie",
    ),
    Mutant(
        "the idle limit is ignored",
        SESSION,
        "return ends_at if remember else min(ends_at, last_seen_at + self.idle_timeout)",
        "return ends_at",
        ABOUT_LIFE,
    ),
    Mutant(
        "use moves the absolute limit",
        SESSIONS,
        "created_at=record.created_at, last_seen_at=last_seen_at,",
        "created_at=last_seen_at, last_seen_at=last_seen_at,",
        ABOUT_LIFE,
    ),
    Mutant(
        "limits that were lowered hold for new sessions only",
        SESSIONS,
        "if self._has_expired(record, now):",
        "if not record:",
        ABOUT_SESSIONS,
    ),
    Mutant(
        "the epoch is not compared (database)",
        STORE,
        ", User.epoch == SessionRow.epoch",
        "",
        ABOUT_SESSIONS,
    ),
    Mutant(
        "the epoch is not compared (memory)",
        "app/sessions/users.py",
        'User.epoch == bindparam("epoch"), ',
        "",
        ABOUT_SESSIONS,
        "memory",
    ),
    Mutant(
        "the epoch is not compared (signed-cookie)",
        STORE,
        '    User.epoch == bindparam("epoch"),\n',
        "",
        ABOUT_SESSIONS,
        "signed-cookie",
    ),
    Mutant(
        "a closed account keeps its sessions",
        STORE,
        "User.is_active, ",
        "",
        ABOUT_SESSIONS,
    ),
    Mutant(
        "a new password leaves the epoch",
        ACCOUNTS,
        "_CHANGE_PASSWORD = _MOVE_ON.where(",
        "_CHANGE_PASSWORD = update(User).returning(User.id, User.epoch).where(",
        ABOUT_LIFE,
    ),
    Mutant(
        "a new password leaves the other sessions",
        ACCOUNTS,
        "await self._sessions.end_before(changed.epoch, user.id)",
        "pass",
        ABOUT_REPLAY,
    ),
    Mutant(
        "a new password does not ask for the current one",
        ACCOUNTS,
        'await self._prove(user, session, client, current, "authn_password_change_fail")',
        "pass",
        ABOUT_LIFE,
    ),
    Mutant(
        "another role leaves the sessions",
        ACCOUNTS,
        "_CHANGE_ROLE = _MOVE_ON.where(",
        "_CHANGE_ROLE = update(User).returning(User.id, User.epoch).where(",
        ABOUT_ACCOUNT,
    ),
    Mutant(
        "a renewed session keeps its old ticket (memory)",
        STORE,
        "if not self._forget(old):",
        "if old.key not in self._sessions:",
        ABOUT_SESSIONS,
        "memory",
    ),
    Mutant(
        "a renewed session keeps its old ticket (redis)",
        STORE,
        "return {redis.call('DEL', KEYS[1])",
        "return {redis.call('EXISTS', KEYS[1])",
        ABOUT_SESSIONS,
        "redis",
    ),
    Mutant(
        "a renewed session keeps its old ticket (signed-cookie)",
        STORE,
        "return await self.remove(old)",
        "return old is not None",
        ABOUT_SESSIONS,
        "signed-cookie",
    ),
    Mutant(
        "renewal brings back what was ended",
        STORE,
        "if not taken or not stands:",
        "if not stands:",
        ABOUT_SESSIONS,
        "redis",
    ),
    Mutant(
        "one that is renewed while all are being ended stays",
        STORE,
        "if not taken or not stands:",
        "if not taken:",
        ABOUT_STORE,
        "redis",
    ),
    Mutant(
        "one that is renewed while the others are ended stays",
        STORE,
        "if others == looked_at:",
        "if others:",
        ABOUT_STORE,
        "redis",
    ),
    Mutant(
        "a late use brings back what was ended (database)",
        STORE,
        "await self._database.run(_TOUCH, values)",
        "if not await self._database.run(_TOUCH, values):\n            await self.add(seen)",
        ABOUT_SESSIONS,
    ),
    Mutant(
        "a late use brings back what was ended (memory)",
        STORE,
        "if self._sessions.get(before.key) == before:",
        "if before != seen:",
        ABOUT_SESSIONS,
        "memory",
    ),
    Mutant(
        "a late use brings back what was ended (redis)",
        STORE,
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n",
        "",
        ABOUT_SESSIONS,
        "redis",
    ),
    Mutant(
        "a late value is kept with what was ended",
        STORE,
        "            raise SessionEnded\n        values = {",
        "            pass\n        values = {",
        ABOUT_STORED,
        "memory",
    ),
    Mutant(
        "anybody ends a session whose name they know",
        SESSIONS,
        " and record.user_id == user_id",
        "",
        ("tests/test_session_list.py",),
    ),
    Mutant(
        "every session is fresh",
        SESSIONS,
        "return self._clock() - session.record.authenticated_at <= FRESH_SECONDS",
        "return True",
        ABOUT_ACCOUNT,
    ),
    Mutant(
        "use makes a session fresh",
        SESSIONS,
        "return record._replace(last_seen_at=now, ",
        "return record._replace(authenticated_at=now, last_seen_at=now, ",
        ABOUT_ACCOUNT,
        "memory",
    ),
    Mutant(
        "expired sessions stay in the table",
        STORE,
        'return await self._database.run(_SWEEP, {"now": now, "batch": SWEEP_BATCH})',
        "return 0",
        ABOUT_STORE,
    ),
    Mutant(
        "records in Redis do not expire",
        STORE,
        'pack(session), "PX", _life(session))',
        "pack(session))",
        ABOUT_STORE,
        "redis",
    ),
    Mutant(
        "garbage in Redis is a session",
        "app/sessions/record.py",
        "if not 0 <= begun <= proved <= session.last_seen_at <= session.expires_at < END_OF_TIME:",
        "if not proved:",
        ABOUT_STORE,
        "redis",
    ),
    Mutant(
        "errors of Redis are errors of the app",
        "app/redis.py",
        'return Unavailable(f"Redis: {type(error).__name__}")',
        "return error",
        ("tests/test_redis.py",),
        "redis",
    ),
    Mutant(
        "errors of the database are errors of the app",
        "app/database.py",
        "except causes as error:\n        raise Unavailable from error",
        "except causes:\n        raise",
        ABOUT_DATABASE,
    ),
    Mutant(
        "a connection on which something went wrong is used again",
        "app/database.py",
        "context.is_disconnect = True",
        "pass",
        ABOUT_DATABASE,
        database="postgresql",
    ),
    Mutant(
        "the id of a deleted user is given again",
        "migrations/versions/0001_first_tables.py",
        'name="uq_users_username"),\n        sqlite_autoincrement=True,\n',
        'name="uq_users_username"),\n',
        ABOUT_REPLAY,
        "signed-cookie",
    ),
    # What is kept with a session.
    Mutant(
        "values are kept in the clear",
        SEAL,
        "[AESGCM(_derive(key)) for key in keys]",
        'keys and [type("Clear", (), {"encrypt": lambda _, nonce, text, place: text + bytes(16),\n'
        '            "decrypt": lambda _, nonce, sealed, place: sealed[:-16]})()]',
        ABOUT_SEAL,
    ),
    Mutant(
        "the signing key itself seals",
        SEAL,
        "return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())",
        'return __import__("hashlib").sha256(key.encode()).digest()',
        ABOUT_SEAL,
    ),
    Mutant(
        "the sealing key has no purpose of its own",
        SEAL,
        "info=PURPOSE",
        'info=b""',
        ABOUT_SEAL,
    ),
    Mutant(
        "every seal has the same nonce",
        SEAL,
        "secrets.token_bytes(NONCE_BYTES)",
        "bytes(NONCE_BYTES)",
        ABOUT_SEAL,
    ),
    Mutant(
        "a sealed value is good for every user",
        LIVE,
        'return f"{self.record.user_id} {name}"',
        "return name",
        ABOUT_STORED,
    ),
    Mutant(
        "a sealed value is good under every name",
        LIVE,
        'return f"{self.record.user_id} {name}"',
        "return str(self.record.user_id)",
        ABOUT_STORED,
    ),
    # Requests.
    Mutant(
        "an origin that begins like ours is ours",
        ORIGIN,
        "origin[0] == own_origin",
        "origin[0].startswith(own_origin)",
        ABOUT_CROSS_SITE,
    ),
    Mutant(
        "an origin with another scheme is ours",
        ORIGIN,
        "origin[0] == own_origin",
        'origin[0].partition("://")[2] == own_origin.partition("://")[2]',
        ABOUT_CROSS_SITE,
    ),
    Mutant(
        "the hidden origin is ours",
        ORIGIN,
        "origin[0] == own_origin",
        'origin[0] in (own_origin, "null")',
        ABOUT_CROSS_SITE,
    ),
    Mutant(
        "sibling subdomains are ours",
        ORIGIN,
        '("same-origin", "none")',
        '("same-origin", "same-site", "none")',
        ABOUT_CROSS_SITE,
    ),
    Mutant(
        "an origin that is sent twice is ours",
        ORIGIN,
        "if len(sec_fetch_site) > 1 or len(origin) > 1:",
        "if not method:",
        ABOUT_CROSS_SITE,
    ),
    Mutant(
        "any site opens a WebSocket",
        EDGE,
        'else "CONNECT"',
        'else "GET"',
        ABOUT_SOCKETS,
    ),
    Mutant(
        "a WebSocket outlives its session",
        SOCKETS,
        "has_ended = not await sessions.is_live(session.ticket)",
        "has_ended = not session",
        ABOUT_SOCKETS,
    ),
    Mutant(
        "an account that was signed out everywhere can be deleted from there",
        ACCOUNTS,
        'User.epoch == bindparam("old_epoch")',
        'User.epoch >= bindparam("old_epoch")',
        ABOUT_ACCOUNT,
    ),
    Mutant(
        "deleting an account leaves sessions that nobody can end",
        ACCOUNTS,
        "await self._delete(await self._end_all(_DISABLE, username))",
        """moved = await self._database.first(_DISABLE, {"name": normalise(username)})
        await self._delete(moved.id)
        await self._sessions.end_before(moved.epoch, moved.id)""",
        ("tests/test_redis.py",),
        backend="redis",
    ),
    Mutant(
        "who registers keeps others from signing in",
        PASSWORDS,
        "self._rating_limiter = CapacityLimiter(1)",
        "self._rating_limiter = self._limiter = CapacityLimiter(1)",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "what the framework does not call a route is open",
        ACCESS,
        "if any(app.router._iter_low_priority_routes()):",
        "if False:",
        ("tests/test_access.py",),
    ),
    Mutant(
        "confirm and password take bodies that do not say what they are",
        "app/web/api.py",
        'APIRouter(prefix="/api", ',
        'APIRouter(prefix="/api", strict_content_type=False, ',
        ("tests/attacks/test_bodies.py",),
    ),
    Mutant(
        "an open WebSocket keeps its session alive",
        SESSIONS,
        "return found is not None and not self._has_expired(found[0], now)",
        "return bool(found and await self._seen(found[0], ticket, now))",
        ABOUT_SOCKETS,
    ),
    Mutant(
        "an undeclared route is public",
        FACTORY,
        "access.refuse_undeclared_routes(app)",
        "pass",
        ABOUT_ACCESS,
    ),
    Mutant(
        "every user is an administrator",
        ACCESS,
        "if user.role != ADMIN:",
        "if not user.role:",
        ABOUT_BODIES,
    ),
    Mutant(
        "next leads to whatever begins with a slash",
        "app/web/redirects.py",
        "if _LOCAL.fullmatch(address) and _LOCAL_DECODED.fullmatch(unquote(path)):",
        'if address.startswith("/"):',
        ABOUT_REDIRECTS,
    ),
    Mutant(
        "next is looked at as it was sent only",
        "app/web/redirects.py",
        " and _LOCAL_DECODED.fullmatch(unquote(path))",
        "",
        ABOUT_REDIRECTS,
    ),
    Mutant(
        "any site reads answers",
        FACTORY,
        "allow_origins=settings.trusted_origins,",
        'allow_origins=["*"],',
        ABOUT_OTHER_SITES,
    ),
    Mutant(
        "any Host is answered",
        "app/web/transport.py",
        "allowed_hosts=settings.allowed_hosts",
        'allowed_hosts=["*"]',
        ABOUT_ROUTES,
    ),
    Mutant(
        "forwarding headers are believed",
        "app/web/forwarding.py",
        "if self._is_configured:",
        "if self is not None:",
        ABOUT_GUESSING,
    ),
    Mutant(
        "production answers on plain http",
        "app/web/transport.py",
        "HTTPSRedirectMiddleware(app) if settings.production else app",
        "app",
        ABOUT_HEADERS,
    ),
    Mutant(
        "the API takes bodies that do not say what they are",
        FACTORY,
        "redirect_slashes=False,",
        "redirect_slashes=False,\n        strict_content_type=False,",
        ABOUT_BODIES,
    ),
    Mutant(
        "a body over the limit is read to its end",
        EDGE,
        "self._app if size == 0 else self._counting_app",
        "self._app",
        ABOUT_BODIES,
    ),
    Mutant(
        "the announced length of a body is ignored",
        EDGE,
        "if size and size > self._max_body_bytes:",
        "if scope is None:",
        ABOUT_BODIES,
    ),
    Mutant(
        "an error repeats what was sent",
        ERRORS,
        '("type", "loc", "msg")',
        '("type", "loc", "msg", "input")',
        ABOUT_BODIES,
    ),
    Mutant(
        "pages show names unescaped",
        "app/web/templating.py",
        "autoescape=True",
        "autoescape=False",
        ("tests/test_pages.py",),
    ),
    Mutant(
        "a fault is told beside another field",
        "app/web/forms.py",
        '_PURPOSES.get(type(error), "current-password")',
        '"username"',
        ("tests/test_pages.py",),
    ),
    Mutant(
        "every device is called this one",
        "app/web/devices.py",
        "current=session.key == current.key",
        "current=True",
        ("tests/test_devices.py",),
    ),
    # Accounts.
    Mutant(
        "names differ in case",
        NAMES,
        'unicodedata.normalize("NFKC", name).casefold()',
        'unicodedata.normalize("NFKC", name)',
        ABOUT_NAMES,
    ),
    Mutant(
        "names differ in width",
        NAMES,
        'unicodedata.normalize("NFKC", folded).strip()',
        'unicodedata.normalize("NFC", name).casefold().strip()',
        ABOUT_NAMES,
    ),
    Mutant(
        "names hold invisible characters",
        NAMES,
        " or _INVISIBLE.search(folded)",
        "",
        ABOUT_NAMES,
    ),
    Mutant(
        "short passwords are taken",
        PASSWORDS,
        "if len(text) < self._min_length:",
        "if not text:",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "passwords are counted as they are typed",
        PASSWORDS,
        "if len(text) < self._min_length:",
        "if len(password) < self._min_length:",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "endless passwords are taken",
        PASSWORDS,
        "if len(text) > PASSWORD_MAX_CHARACTERS:",
        "if not text:",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "passwords are cut off",
        PASSWORDS,
        'unicodedata.normalize("NFC", password)',
        'unicodedata.normalize("NFC", password)[:72]',
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "passwords are not normalised",
        PASSWORDS,
        'unicodedata.normalize("NFC", password)',
        "password",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "common passwords are taken",
        PASSWORDS,
        'if rating["score"] < _MIN_SCORE:',
        'if rating["score"] < 0:',
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "passwords hold the app's name",
        PASSWORDS,
        "(username, self._app_name)",
        "(username,)",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "passwords hold the user's name",
        PASSWORDS,
        "(username, self._app_name)",
        "(self._app_name,)",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "hashes are weak",
        PASSWORDS,
        "argon2__memory_cost=19_456",
        "argon2__memory_cost=1_024",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "weak hashes stay",
        CREDENTIALS,
        "if newer_hash:",
        "if not right:",
        ABOUT_PASSWORDS,
    ),
    Mutant(
        "passwords are hashed on the event loop",
        PASSWORDS,
        "right, newer = await to_thread.run_sync(\n"
        "            _CONTEXT.verify_and_update,\n"
        "            _normalise(password),\n"
        "            hashed or self._dummy,\n"
        "            limiter=self._limiter,\n"
        "        )",
        "right, newer = _CONTEXT.verify_and_update(\n"
        "            _normalise(password), hashed or self._dummy\n"
        "        )",
        ABOUT_ENUMERATION,
    ),
    Mutant(
        "a name that does not exist costs no hash",
        PASSWORDS,
        "        right, newer = await",
        "        if hashed is None:\n            return False, None\n        right, newer = await",
        ABOUT_ENUMERATION,
    ),
    Mutant(
        "guesses count once the password was looked at",
        CREDENTIALS,
        "        attempt = await self._throttle.admit(username, address)\n"
        '        row = await self._database.first(_FIND, {"username": username})\n'
        "        right, newer_hash = await self._passwords.verify(\n"
        "            password, row.password_hash if row else None\n"
        "        )\n",
        '        row = await self._database.first(_FIND, {"username": username})\n'
        "        right, newer_hash = await self._passwords.verify(\n"
        "            password, row.password_hash if row else None\n"
        "        )\n"
        "        attempt = await self._throttle.admit(username, address)\n",
        ("tests/attacks/test_storms.py",),
    ),
    Mutant(
        "guesses count for the account only",
        THROTTLE,
        ", (of_address, self._max_failures * WIDER)",
        "",
        ABOUT_GUESSING,
    ),
    Mutant(
        "guesses count for the address only",
        THROTTLE,
        "limits.append((of_name, self._max_failures * WIDER))",
        "pass",
        ABOUT_GUESSING,
    ),
    Mutant(
        "strangers lock the owner out",
        THROTTLE,
        "if not await self._database.first(_KNOWN, values):",
        "if values:",
        ABOUT_GUESSING,
    ),
    Mutant(
        "a success forgets the failures of other addresses",
        THROTTLE,
        '.where(_same_name, _same_address, LoginAttempt.id < bindparam("id"))',
        '.where(_same_name, LoginAttempt.id < bindparam("id"))',
        ABOUT_GUESSING,
    ),
    Mutant(
        "a success forgets the failures at other accounts",
        THROTTLE,
        '.where(_same_name, _same_address, LoginAttempt.id < bindparam("id"))',
        '.where(_same_address, LoginAttempt.id < bindparam("id"))',
        ABOUT_GUESSING,
    ),
    Mutant(
        "each address of a subscriber counts by itself",
        THROTTLE,
        "if not isinstance(parsed, IPv6Address):",
        "if parsed:",
        ABOUT_GUESSING,
    ),
    # Answers and traces.
    Mutant(
        "the answer of last resort has no headers",
        FACTORY,
        "return Edge(super().build_middleware_stack(), self.state.services)",
        "stack: ASGIApp = super().build_middleware_stack()\n"
        '        vars(stack)["app"] = Edge(vars(stack)["app"], self.state.services)\n'
        "        return stack",
        ABOUT_HEADERS,
    ),
    Mutant(
        "styles are allowed in line",
        HEADERS,
        "style-src 'self';",
        "style-src 'self' 'unsafe-inline';",
        ABOUT_HEADERS,
    ),
    Mutant(
        "pages are framed",
        HEADERS,
        '    (b"x-frame-options", b"DENY"),\n',
        "",
        ABOUT_HEADERS,
    ),
    Mutant(
        "answers to a session are stored",
        VISIT,
        '(b"cache-control", b"no-store"), ',
        "",
        ABOUT_HEADERS,
    ),
    Mutant(
        "caches do not see that an answer depends on the cookie",
        VISIT,
        ', (b"vary", b"Cookie")',
        "",
        ABOUT_HEADERS,
    ),
    Mutant(
        "development pins localhost to https",
        EDGE,
        'self._is_production and scope["scheme"] == "https"',
        'scope["scheme"] == "https"',
        ABOUT_HEADERS,
    ),
    Mutant(
        "401 does not say how to sign in",
        ERRORS,
        "return sign_in_first(connection, _challenge(connection))",
        "return sign_in_first(connection, {})",
        ABOUT_SIGN_IN,
    ),
    Mutant(
        "429 does not say how long to wait",
        ERRORS,
        'headers["Retry-After"] = str(error.retry_after)',
        "pass",
        ABOUT_GUESSING,
    ),
    Mutant(
        "production shows the documentation",
        FACTORY,
        "if not settings.production:",
        "if settings:",
        ABOUT_ACCESS,
    ),
    Mutant(
        "the log holds the ticket",
        SESSIONS,
        "user_agent=client.user_agent\n        )\n",
        "user_agent=client.user_agent, ticket=ticket\n        )\n",
        ABOUT_TICKET,
    ),
    Mutant(
        "the log holds whole keys of sessions",
        LOG,
        "digest.hex()[:12]",
        "digest.hex()",
        ABOUT_LOG,
    ),
    Mutant(
        "the log holds what was typed as a name",
        CREDENTIALS,
        "actor=row.id if row else None",
        "actor=row.id if row else username",
        ABOUT_LOG,
    ),
    Mutant(
        "a name writes lines into the log",
        LOG,
        "if value is not None})",
        "if value is not None}, ensure_ascii=False)",
        ABOUT_LOG,
    ),
    # Settings and shell.
    Mutant(
        "a short key will do",
        SETTINGS,
        "if any(len(text) < KEY_MIN_CHARACTERS for text in texts):",
        "if not any(texts):",
        ABOUT_SETTINGS,
    ),
    Mutant(
        "a placeholder is a key",
        SETTINGS,
        "if any(spelling.is_placeholder(text) for text in texts):",
        "if not any(texts):",
        ABOUT_SETTINGS,
    ),
    Mutant(
        "SameSite=None needs no Secure",
        SETTINGS,
        'if samesite == "none" and info.data.get("session_cookie_secure") is False:',
        "if not samesite:",
        ABOUT_SETTINGS,
    ),
    Mutant(
        "production sends the cookie in the clear",
        SETTINGS,
        'if not secure and info.data.get("environment") == "production":',
        "if secure is None:",
        ABOUT_SETTINGS,
    ),
    Mutant(
        "production uses the database of development",
        SETTINGS,
        'if url == DEFAULT_DATABASE_URL and info.data.get("environment") == "production":',
        "if not url:",
        ABOUT_SETTINGS,
        database="postgresql",
    ),
    Mutant(
        "a wildcard is a trusted origin",
        "app/spelling.py",
        'not parts["host"].startswith("*") and ',
        "",
        ABOUT_SETTINGS,
    ),
    Mutant(
        "the shell shows the password that is typed",
        "app/shell/terminal.py",
        'password := getpass.getpass("Password: ")',
        'password := input("Password: ")',
        ABOUT_SHELL,
    ),
    Mutant(
        "what others have typed commands the operator's terminal",
        "app/shell/table.py",
        'each if each.isprintable() else "\\N{REPLACEMENT CHARACTER}"',
        "each",
        ABOUT_SHELL,
    ),
    Mutant(
        "the shell lists sessions that were ended",
        "app/shell/commands.py",
        "        if each.epoch == account.epoch\n",
        "",
        ABOUT_SHELL,
    ),
)


def sample(day: int, count: int) -> tuple[Mutant, ...]:
    """Return the mutants whose turn it is on a day; in a row of days everyone has its turn."""
    places = range(day * count, day * count + min(count, len(MUTANTS)))
    return tuple(MUTANTS[place % len(MUTANTS)] for place in places)
