"""Sign-in with accounts elsewhere."""

from tests.mutants.mutant import At

OIDC_TESTS = (
    *("tests/attacks/test_lying_providers.py", "tests/attacks/test_providers.py"),
    "tests/test_oidc.py",
)

# One row per mutant; a formatter would give every item of a long row its own line.
# fmt: off
MUTANTS = (
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
        (88, "a provider that is down is asked again and again",
         "        self._tried_at = self.clock()\n", ""),
        (88, "a stranger makes everybody wait for a provider",
         "        if not self._is_within(max_age, self._fetched_at):\n            async with",
         "        if max_age:\n            async with"),
        (85, "an answer may come from anybody", 'answer.get("iss", "" if says_issuer else '
         'metadata["issuer"]) != metadata["issuer"]', "answer is None and says_issuer"),
        (85, "an answer may hide whose it is", '"" if says_issuer else metadata["issuer"]',
         'metadata["issuer"] if says_issuer else metadata["issuer"]'),
        (85, "a provider may call itself otherwise", 'if found["issuer"] != (',
         'if found["issuer"] is (is_many and issuer) and not ('),
        (85, "tokens are fetched without tls", 'startswith(("https://", issuer))',
         'startswith(("http", issuer))'),
        (88, "what a provider says is kept for ever", "0 <= self.clock() - since < seconds",
         "0 <= self.clock() - since < 10**9"),
        (88, "a provider is asked again for every token", "RETRY_SECONDS = 3_600, 60, 5",
         "RETRY_SECONDS = 3_600, 0, 5"),
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
        (0, "a logout token with any subject reaches the database",
         '            check_subject(claims["sub"])\n', '            str(claims["sub"])\n'),
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
        (86, "anything is a subject", "    check_subject(person.subject)\n", ""),
        (87, "an answer is taken again and again", "        await self._use_up(attempt.state, "
         "ATTEMPT_SECONDS)\n", ""),
        (87, "state and nonce are the same", "(secrets.token_urlsafe(32) for _ in range(3))",
         "[secrets.token_urlsafe(32)] * 3"),
        (88, "a provider is waited for", "asyncio.timeout(PROVIDER_SECONDS)",
         "asyncio.timeout(PROVIDER_SECONDS and None)"),
        (88, "nonsense is an error of the server", "except (JoseError, *MALFORMED) as error:",
         "except KeyError as error:"),
        (88, "an error of the provider is not noticed", 'if "error" in answer:',
         'if "err" in answer:'),
    ),
    *At("app/users/identities.py", "tests/test_providers_and_codes.py",
        identity="email", oidc="yes", totp="yes").faults(
        (86, "whoever holds the mailbox alone gets past the second factor for good",
         "if await self.factors.kinds_of(user.id):", "if not user.id:"),
    ),
    *At("app/users/ways_in.py", "tests/test_presets.py", identity="email", oidc="yes").faults(
        (86, "an account of a tenant opens nothing",
         "not issuers.isdisjoint(SEVERAL_TENANTS)", "not issuers"),
    ),
    *At("app/web/round_trips.py", "tests/test_providers_and_codes.py",
        identity="email", frontend="api", oidc="yes", totp="yes").faults(
        (76, "a code is taken for longer", "CODE_SECONDS = 300", "CODE_SECONDS = 600"),
        (76, "a code is taken wherever it is sent", 'name = f"{_CODE}-{provider}"\n        kept',
         'name = f"{_CODE}-corp"\n        kept'),
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
        (86, "a disabled account is joined", "        if not user.is_active:\n"
         '            log_failure(provider, "the account is disabled")\n'
         "            raise ProviderError\n        await", "        await"),
        (0, "an address adds identities without end",
         "        await self._check_room(user.id)\n", ""),
        (86, "a disabled account is opened", "if row is None or not row.is_active:",
         "if row is None:"),
        (86, "the last way to sign in is removed",
         "if not await count_ways(database, user_id, self.settings, without=identity_id):",
         "if not identities:"),
        (86, "anybody removes an identity", "if each.id == identity_id]", "] or identities"),
        (86, "any identity confirms", "if row is None or row.user_id != auth.user.id:",
         "if row is None and auth:"),
        (86, "nobody is told of a new identity",
         "person, user.id, self.users.clock()), *notice)",
         "person, user.id, self.users.clock()))"),
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
         "is_current(expires_at, seconds, services.clock())",
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
        (86, "what opens nothing any more counts as a way in",
         "sum(is_configured(each.issuer, settings) for each in identities)", "len(identities)"),
        (86, "nobody has a password", "return await database.fetch_one(found) is not None",
         "return False"),
    ),
)
# fmt: on
