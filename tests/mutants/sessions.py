"""The session: its cookie, its token, its store."""

from tests.mutants.mutant import At

COOKIE = "app/sessions/cookie.py"
TOKEN = "app/sessions/token.py"
FAST_LOOKUP = "app/fast_lookup.py"
STORE = "app/sessions/store.py"
SESSION = "app/sessions/session.py"
SESSIONS = "app/sessions/service.py"
REDIS = "app/redis.py"
DATABASE = "app/database.py"
ENCRYPTION = "app/sessions/encryption.py"
ACTIVE_SESSION = "app/sessions/active_session.py"
TOKEN_TESTS = ("tests/test_token.py", "tests/attacks/test_forged_tokens.py")

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
         'b"(?:^|;) ?"', 'b"(?:^|;)[ \\xa0]*"'),
        (6, "of two cookies the last counts",
         'values_of(content)\n    ]', 'values_of(content)\n    ][-1:]'),
        (7, "a token counts in any header",
         'if header == b"cookie"', "if header"),
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
         "if self._signer.verify_signature(random, signature) else", "if True else"),
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
    *At(STORE, "tests/test_store.py", backend="signed-cookie").faults(
        (0, "a clock that was ahead once reopens what was revoked",
         "EndedSession.ends_at <= now - KEEP_SECONDS", "EndedSession.ends_at <= now"),
    ),
    *At(SESSIONS, "tests/test_store.py", backend="signed-cookie").faults(
        (15, "a token from the future is valid", "return is_from_future or ", "return "),
    ),
    *At(SESSIONS, "tests/test_session_life.py").faults(
        (55, "a session from the future is active", "return is_from_future or ", "return "),
        (55, "whoever signs out by a clock far ahead is signed in again",
         "self.store.get(claim, 0)", "self.store.get(claim, self.clock())"),
    ),
    *At(SESSIONS, "tests/test_server_side_sessions.py").faults(
        (60, "a user may have any number of sessions",
         "        for surplus in others[", "        for surplus in others[:0][",),
    ),
    *At(STORE, "tests/test_sessions.py", backend="signed-cookie").faults(
        (19, "revoked tokens are valid",
         '    ~exists().where(EndedSession.key == bindparam("key")),\n', ""),
        (21, "the session version is not compared (signed-cookie)",
         '    User.session_version == bindparam("session_version"),\n', ""),
        (24, "a rotated token stays valid (signed-cookie)",
         "return await self.delete(old)", "return old is not None"),
    ),
    *At(STORE, "tests/test_restore.py").faults(
        (21, "a session alone is good although all of its user's were ended (database)",
         "select(*_COLUMNS).join_from(UserSession, User).where(*_active, *_usable)",
         "select(*_COLUMNS).where(*_active)"),
    ),
    *At(STORE, "tests/test_restore.py", backend="redis").faults(
        (21, "a session alone is good although all of its user's were ended (redis)",
         "delete_matching(ANYTHING)", "delete_matching(ANYTHING[:1])"),
    ),
    *At(STORE, "tests/test_sessions.py").faults(
        (21, "the session version is not compared (database)",
         ", User.session_version == UserSession.session_version", ", User.id != 0"),
        (21, "a disabled account keeps its sessions", "(User.is_active, ", "(User.id != 0, "),
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
    *At(STORE, "tests/test_server_side_sessions.py", backend="redis").faults(
        (55, "a clock far ahead hides sessions from those who end them",
         "strict=True) if not is_kept]", "strict=True)]"),
    ),
    *At(STORE, "tests/test_store.py", backend="redis").faults(
        (24, "rotation during the revocation of all survives it",
         "if not taken or not stands:", "if not taken:"),
        (24, "rotation during the revocation of others survives it",
         "if others == looked_at:", "if others:"),
        (25, "sessions in Redis do not expire",
         'pack(session), "PX", _life(session))', "pack(session))"),
    ),
    *At(ACTIVE_SESSION, "tests/test_store.py", backend="signed-cookie").faults(
        (0, "a value that is set too late is lost without a word",
         "if self.is_cookie_sent:", "if not self.token:"),
    ),
    *At("app/web/request_session.py", "tests/test_store.py", backend="signed-cookie").faults(
        (0, "nobody knows that the cookie was sent", "        self._is_cookie_sent = True\n", ""),
    ),
    *At("app/web/middleware.py", "tests/test_store.py", backend="signed-cookie").faults(
        (0, "a value that is set over a WebSocket is lost without a word",
         "            request_session.close_cookie()\n", "            pass\n"),
    ),
    *At(ACTIVE_SESSION, "tests/test_session_values.py", backend="signed-cookie").faults(
        (24, "a late write seems to be kept with a revoked session",
         "if await self.store.get(self.record, self.record.last_seen_at) is None:",
         "if not self.record:"),
    ),
    *At(STORE, "tests/test_links.py", backend="signed-cookie").faults(
        (0, "whoever ends sessions makes links void (signed-cookie)",
         "            keep_links(user_id, version),\n", ""),
    ),
    *At(ACTIVE_SESSION, "tests/test_session_life.py", backend="signed-cookie").faults(
        (0, "a slow request takes a new token away (signed-cookie)",
         "self.is_only_seen = True", "self.is_only_seen = False"),
    ),
    *At("app/web/middleware.py", "tests/test_session_life.py", backend="signed-cookie").faults(
        (0, "a slow response is not looked at again (signed-cookie)",
         "                    await request_session.session.drop_stale_token()\n",
         "                    pass\n"),
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
    *At(SESSIONS, "tests/test_sessions.py").faults(
        (23, "a new token makes every session fresh",
         "at = now if amr else old.authenticated_at", "at = now"),
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
    *At("app/sessions/redis_format.py", "tests/test_session_life.py", backend="redis").faults(
        (0, "a clock that was wrong once locks an account out", '"!Iq4d?BB"', '"!II4d?BB"'),
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
    *At(REDIS, "tests/test_cluster.py", backend="redis").faults(
        (27, "a cluster that cannot be reached is an error of the app",
         "_BROKEN = (RedisError, RedisClusterException, ", "_BROKEN = (RedisError, "),
        (0, "a cluster is looked for only where it was",
         "                    self._forget(client)", "                    pass"),
        (0, "a cluster depends on the node of the URL",
         "from_url(self._url, **", "from_url(self._url, dynamic_startup_nodes=False, **"),
    ),
    *At(REDIS, "tests/test_redis.py", backend="redis").faults(
        (0, "authorities are loaded each time that Redis is asked for",
         'is_cluster = (await self._node.info("cluster"))',
         "async with Node.from_url(self._url, **self._options) as node:\n"
         '                    is_cluster = (await node.info("cluster"))'),
    ),
    *At("app/redis_connection.py", "tests/test_redis.py", backend="redis").faults(
        (0, "authorities are loaded for each connection of lookups",
         "ssl=self._tls,", "ssl=ssl.create_default_context() if self._tls else None,"),
    ),
    *At("app/urls.py", "tests/test_redis.py", backend="redis").faults(
        (0, "a Redis may have a name that no host can have",
         '        (parts.hostname or "").encode("idna")\n', ""),
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
    *At("app/fast_lookup.py", "tests/test_sqlite.py").faults(
        (56, "lookups go on in a file that is gone",
         "and self._file.is_replaced():", "and not self._path:"),
        (56, "a database goes on without its log", "if log != self._log:", "if not self._path:"),
    ),
    *At("app/engine.py", "tests/test_sqlite.py").faults(
        (56, "statements go on in a file that is gone",
         'if entry.info["file"].is_replaced():', 'if entry.info["file"] is None:'),
    ),
    *At("app/engine.py", "tests/test_sqlite.py").faults(
        (0, "others on the machine read the database", "0o600", "0o644"),
        (0, "migrating touches a database that is there",
         "os.O_CREAT | os.O_EXCL, 0o600)",
         "os.O_CREAT, 0o600))\n        os.chmod(path_of(url), 0o600"),
    ),
    *At("app/engine.py", "tests/test_sqlite.py").faults(
        (0, "a migration that fails leaves its first half behind",
         '    event.listen(engine.sync_engine, "begin", _begin)\n', ""),
    ),
    *At("migrations/env.py", "tests/test_sqlite.py").faults(
        (0, "a migration that fails leaves those before it behind",
         "transactional_ddl=True", "transactional_ddl=False"),
    ),
    *At("app/database_url.py", "tests/test_sqlite.py").faults(
        (0, "a request creates an empty database", '"mode": "rw"', '"mode": "rwc"'),
    ),
    *At("app/database_url.py", "tests/test_postgresql.py", database="postgresql").faults(
        (0, "an option of DATABASE_URL does not reach the server",
         "if query else {}", "if not query else {}"),
    ),
    *At("app/database_url.py", "tests/test_postgresql.py", database="postgresql").faults(
        (0, "the files of TLS are read for each connection to PostgreSQL",
         'arguments["ssl"] = context', "pass"),
        (0, "any host of an authority is the PostgreSQL of the URL",
         'query.get("sslmode") == "verify-full"', "False"),
        (0, "a server that is no PostgreSQL of the authority is believed",
         'context.load_verify_locations(query["sslrootcert"])',
         "context.check_hostname = False\n            context.verify_mode = ssl.CERT_NONE"),
        (0, "no certificate is shown to PostgreSQL",
         'context.load_cert_chain(query["sslcert"], query.get("sslkey"), password="")', "pass"),
        (0, "options of TLS that the URL does not have are lost",
         " and not _has_more_options()", ""),
    ),
    *At("app/fast_lookup.py", "tests/test_postgresql.py", database="postgresql").faults(
        (0, "a database that takes no writes is ready", ".with_for_update()", ""),
    ),
    *At("app/engine.py", "tests/test_postgresql.py", database="postgresql").faults(
        (0, "an option that the server refuses is an error of a statement",
         "except (OSError, dialect.loaded_dbapi.Error)", "except OSError"),
    ),
    *At("app/fast_lookup.py", "tests/test_sqlite.py").faults(
        (0, "a file that may only be read is ready", "not os.access(self._path, os.W_OK) or ", ""),
        (0, "a full disk is ready", " or not shutil.disk_usage(self._path).free", ""),
    ),
    *At("app/engine.py", "tests/test_sqlite_locks.py").faults(
        (0, "a statement of a request that was cancelled keeps the file locked",
         "self._cursors.add(cursor)", "pass"),
    ),
    *At("app/database.py", "tests/test_sqlite_locks.py").faults(
        (0, "whoever waits for their own lock waits for others first",
         "            refuse_to_wait()", "            pass"),
        (0, "to delete nothing waits for whoever writes",
         "if not await self.fetch_one(batch):", "if False:"),
    ),
    *At("app/engine.py", "tests/test_sqlite_locks.py").faults(
        (0, "whoever waits for the lock is overtaken", "MAX_WRITERS = 1", "MAX_WRITERS = 15"),
    ),
)
# fmt: on
