"""Accounts, passwords, limits, settings, logs and commands."""

from tests.mutants.mutant import At

USERS = "app/users/service.py"
PASSWORDS = "app/users/passwords.py"
PROCESSORS = "app/processors.py"
AUTHENTICATION = "app/users/authentication.py"
NAMES = "app/users/names.py"
LINKS = "app/users/links.py"
RECOVERY = "app/users/recovery.py"
RATE_LIMIT = "app/users/rate_limit.py"
LOG = "app/security_log.py"
LOGS = "app/logs.py"
CONFIG = "app/config.py"
CLI = "app/cli.py"
MIGRATION = "migrations/versions/0001_first_tables.py"
LOG_TESTS = ("tests/test_security_log.py", "tests/attacks/test_log_forging.py")
CLI_TESTS = ("tests/test_cli.py", "tests/test_cli_lists.py", "tests/test_cli_sessions.py")
NAME_TESTS = ("tests/test_sign_in.py", "tests/attacks/test_fuzz.py")

# One row per mutant; a formatter would give every item of a long row its own line.
# fmt: off
MUTANTS = (
    *At(USERS, "tests/test_users.py").faults(
        (0, "a session that was revoked changes the password",
         "if not await self.sessions.is_active(auth.session.token):", "if not auth:"),
    ),
    *At("app/users/account_events.py", "tests/test_account_events.py").faults(
        (0, "users see what others did",
         "    .where(AccountEvent.user_id == bindparam(\"user_id\"))\n", ""),
        (0, "whoever signs in often makes others' events forgotten",
         "            of_user, AccountEvent.id.not_in", "            AccountEvent.id.not_in"),
        (0, "events are kept without end", "newest.limit(MAX_EVENTS)", "newest"),
        (0, "events are kept for ever", "<= self.clock() - KEEP_SECONDS", "<= 0"),
    ),
    *At(USERS, "tests/test_account_events.py").faults(
        (0, "a sign-in is not listed", 'self.events.record(user_id, "signed in", client)',
         "[update(User).values(id=User.id).where(User.id == 0)]"),
    ),
    *At("app/users/rate_limit.py", "tests/attacks/test_guessing.py").faults(
        (55, "failures from the future count",
         "                not_from_the_future,\n", ""),
        (55, "a sign-in from the future makes its address known for years",
         "outcome == RIGHT, not_from_the_future", "outcome == RIGHT"),
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
         "own = bump_session_version(self.clock(), **changes)",
         "own = update(User).values(**changes).returning(User.id, User.session_version)"),
        (23, "a new password does not require the current one",
         'await self._verify(auth, current, "authn_password_change_fail")', "pass"),
    ),
    *At(USERS, "tests/attacks/test_replay.py").faults(
        (21, "a new password keeps the other sessions",
         "await self.sessions.revoke_before(changed.session_version, auth.user.id)", "pass"),
        (21, "a password set by an operator keeps the sessions",
         "await self.end_sessions(user.name, *notice, password_hash=new_hash)",
         "await self.database.execute(\n"
         "            update(User).where(User.id == user.id).values(password_hash=new_hash)\n"
         "        )"),
    ),
    *At(USERS, "tests/test_users.py").faults(
        (21, "a new role keeps the sessions", "await self.end_sessions(name, role=role)",
         "(await self.find(name)).id\n"
         "        await self.database.execute(update(User).values(role=role))"),
        (21, "a revoked session can delete the account",
         "User.session_version == auth.session.record.session_version",
         "User.session_version >= auth.session.record.session_version"),
    ),
    *At(USERS, "tests/test_redis.py", backend="redis").faults(
        (22, "deleting an account leaves sessions nobody can revoke",
         "user_id = await self.end_sessions(name, is_active=False)\n"
         "        await self.database.execute(delete(User).where(User.id == user_id))\n",
         "user_id = (await self.find(name)).id\n"
         "        await self.database.execute(delete(User).where(User.id == user_id))\n"
         "        await self.sessions.revoke_before(2**40, user_id)\n"),
    ),
    *At(AUTHENTICATION, "tests/test_passwords.py").faults(
        (37, "outdated hashes are kept", "if newer_hash:", "if not right:"),
    ),
    *At(AUTHENTICATION, "tests/attacks/test_floods.py").faults(
        (40, "guesses count only after the password was checked",
         "        async with self.rate_limiter.checking(name, ip) as attempt:\n",
         "        await self.passwords.verify(password, None)\n"
         "        async with self.rate_limiter.checking(name, ip) as attempt:\n"),
    ),
    *At(AUTHENTICATION, *LOG_TESTS).faults(
        (47, "the log holds what was typed as a username",
         "actor=row.id if row else None", "actor=row.id if row else name"),
    ),
    *At("app/models.py", "tests/test_restore.py", backend="signed-cookie").faults(
        (21, "session versions are counted, and given twice after a backup was restored",
         "return case((later < int(now), int(now)), else_=later)", "return later"),
        (21, "every account begins with the same session version",
         'return int(context.get_current_parameters()["created_at"])', "return 0"),
    ),
    *At(USERS, "tests/test_restore.py").faults(
        (21, "the command that signs everybody out signs nobody out",
         "update(User).values(session_version=version)",
         "update(User).values(session_version=User.session_version)"),
    ),
    *At(MIGRATION, "tests/attacks/test_replay.py", backend="signed-cookie").faults(
        (21, "the id of a deleted user is reused",
         'name="uq_users_username"),\n        sqlite_autoincrement=True,\n',
         'name="uq_users_username"),\n'),
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
         'rf"[\\W\\d_]*{each}" for', "each for"),
        (44, "looking for a name in a password may take for ever",
         'rf"[\\W_]*{each}" if each.isdigit() else ', ""),
        (61, "passwords may contain a short name", "if len(letters) < 3:", "if len(letters) < 4:"),
        (61, "passwords may contain a name that is joined to others",
         "{''.join(letters)}|(?<!", "(?<!"),
        (38, "a common word with a year is accepted",
         '_DATES.sub("", _SPELLED.sub(r"\\1", password))', "password"),
        (38, "a common word with a short date is accepted", "|{_SHORT}", ""),
        (38, "a common word that is spelled is accepted",
         '_SPELLED.sub(r"\\1", password)', 'password'),
        (38, "a common word between two years is accepted", '_DATES.sub("",', '_DATES.sub(" ",'),
        (38, "a common word that is repeated is accepted",
         '_REPEATED.sub(r"\\1\\2", without_dates)', "without_dates"),
        (38, "a common word with a number for each time is accepted",
         "once if once != words else ", ""),
        (61, "passwords may contain a name with marks that stand apart",
         'if not unicodedata.category(each).startswith("M")', "if each"),
        (37, "hashes are weak", "argon2__memory_cost=19_456", "argon2__memory_cost=1_024"),
    ),
    *At(PROCESSORS, "tests/test_processors.py").faults(
        (54, "hashing takes the processors of others",
         "len(os.sched_getaffinity(0))", "os.cpu_count() or 1"),
        (54, "hashing exceeds the quota of a container",
         "min(count, int(quota)", "max(0, int(quota)"),
        (54, "hashing exceeds the quota of a group around",
         "(group, *group.parents)", "(group,)"),
        (54, "hashing exceeds a quota of the first version of control groups",
         'cgroups / "cpu" /', 'cgroups / "none" /'),
    ),
    *At(CONFIG, "tests/test_processors.py").faults(
        (54, "hashing leaves no processor free",
         "max(1, min(4, available_processors() - 1))", "min(4, available_processors())"),
    ),
    *At(PASSWORDS, "tests/test_passwords.py").faults(
        (53, "a hash that nobody waits for does not count",
         "asyncio.shield(asyncio.create_task(running))", "running"),
    ),
    *At(RATE_LIMIT, "tests/attacks/test_guessing.py").faults(
        (40, "an attempt that was cancelled counts as a failure",
         "except BaseException:", "except Exception:"),
        (40, "an attempt that was cancelled while it was counted is a failure",
         "yield await asyncio.shield(acquiring)", "yield await acquiring"),
    ),
    *At(PASSWORDS, "tests/attacks/test_floods.py").faults(
        (53, "any number may wait for a hash", ">= MAX_WAITING", "< 0"),
    ),
    *At(RATE_LIMIT, "tests/attacks/test_floods.py").faults(
        (53, "an attempt that was turned away counts as a failure",
         "await asyncio.shield(asyncio.create_task(self._break_off(acquiring)))", "pass"),
    ),
    *At(USERS, "tests/attacks/test_floods.py").faults(
        (53, "a taken name costs a hash",
         "if await self.database.fetch_one(select(User.id).where(User.name == name)):",
         "if not name:"),
    ),
    *At(PASSWORDS, "tests/attacks/test_enumeration.py").faults(
        (37, "passwords are hashed on the event loop",
         "return await asyncio.shield(asyncio.create_task(running))",
         "running.close()\n    return function(*args)"),
        (39, "an unknown username costs no hash", "        right, newer = await",
         "        if hashed is None:\n"
         "            return False, None\n"
         "        right, newer = await"),
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
    *At("app/turns.py", "tests/attacks/test_guessing.py").faults(
        (40, "a sign-in waits for ever for others of its address",
         "asyncio.timeout(seconds)", "asyncio.timeout(None)"),
        (40, "everybody waits for everybody", "setdefault(key,", 'setdefault("",'),
    ),
    *At(RATE_LIMIT, "tests/attacks/test_guessing.py").faults(
        (40, "people behind one address are refused while others are being checked",
         "self.turns.take(subscriber(address))", "self.turns.take(str(object()))"),
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
         "forget_at=now + self.window", "forget_at=now + KNOWN_SECONDS"),
        (40, "an address that has signed in is forgotten with its failures",
         ", forget_at=LoginAttempt.at + KNOWN_SECONDS", ""),
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
    *At("app/users/service.py", "tests/test_users.py", backend="memory").faults(
        (0, "a store that fails leaves an account closed for good",
         "self._end_own(auth, delete(User).where(User.id == auth.user.id))",
         "self._end_own(auth, is_active=False)"),
    ),
    *At("app/users/rate_limit.py", "tests/attacks/test_guessing.py").faults(
        (40, "whoever was being checked when the process died waits",
         "LoginAttempt.at > now - CHECK_SECONDS", "LoginAttempt.at > now - self.window"),
    ),
    *At("app/env_file.py", "tests/test_config.py").faults(
        (0, "a key that cannot be encoded signs until somebody comes",
         "if name.upper() in known:", "if not name:"),
        (0, "an .env in another encoding is read as if it were empty",
         'if "\\0" in text:', 'if "\\0" in ENCODING:'),
        (0, "a setting is misspelled without a word", "name not in known", "not known"),
        (0, "a setting is written in wide letters without a word",
         'unicodedata.normalize("NFKC", name)', "name"),
        (0, "of two lines that set a name one counts", "if name in written:", "if name in ():"),
        (0, "the settings do without a line that cannot be read", "each.error or", "False or"),
        (0, "the settings do without a name that has no value", "each.value is None", "False"),
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
         "bump_session_version(self.users.clock(), password_hash=new_hash).where(",
         "update(User).values(password_hash=new_hash)"
         ".returning(User.id, User.session_version).where("),
        (68, "failed attempts lock out whoever has reset the password",
         "        await self.users.authenticator.rate_limiter.forget_failures(user.name)\n", ""),
        (74, "a link is handed out that sets the password of a disabled account",
         "        if not user.is_active:\n            raise UserDisabled(name)\n", ""),
    ),
    *At("app/logs.py", "tests/test_links.py").faults(
        (67, "the server logs the tokens of links", 'r"\\1..."', 'r"\\g<0>"'),
    ),
)
# fmt: on
