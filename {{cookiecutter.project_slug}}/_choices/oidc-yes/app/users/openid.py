"""OpenID Connect (Core 1.0): authorization code with PKCE, as RFC 9700 has it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet

from app.errors import MALFORMED
from app.oidc_settings import MICROSOFT, SEVERAL_TENANTS, ProviderSettings
from app.sessions.session import CLOCK_LEEWAY_SECONDS
from app.users.providers import Attempt, Http, Person, Unavailable, check_subject

# Public keys only: what is signed with a secret that two know proves nothing of either.
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")

# How long a provider's metadata is cached, and how soon it is fetched again when a token names an
# unknown key, or after a failure: strangers can cause both. In seconds.
CACHE_SECONDS, REFRESH_SECONDS, RETRY_SECONDS = 3_600, 60, 5

#{% if cookiecutter.identity == "email" %}
SCOPE = "openid email"
#{% else %}
SCOPE = "openid"
#{% endif %}

# In Microsoft's issuer for accounts of several tenants. The id of one is in each token.
TENANT = "{tenantid}"

LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
# A logout token is for now.
LOGOUT_SECONDS = 600


@dataclass
class OpenIdProvider:
    """Signs in with accounts of one issuer. clock: Unix time in seconds."""

    settings: ProviderSettings
    redirect_uri: str
    http: Http
    clock: Callable[[], float]
    _metadata: dict[str, Any] = field(default_factory=dict)
    _keys: KeySet = field(default_factory=lambda: KeySet([]))
    _fetched_at: float = float("-inf")
    _tried_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def address(self, attempt: Attempt, *, again: bool = False) -> str:
        """Return where the browser goes. again: whether to ask who they are in any case."""
        endpoint = (await self._discover())["authorization_endpoint"]
        query = {
            **attempt.parameters,
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "nonce": attempt.nonce,
            **({"prompt": "login", "max_age": "0"} if again else {}),
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def redeem(self, attempt: Attempt, answer: Mapping[str, str]) -> Person:
        """Return who came back. Raises Unavailable, JoseError or one of MALFORMED."""
        metadata = await self._discover()
        # One provider must not pass on what another has answered (RFC 9207).
        says_issuer = metadata.get("authorization_response_iss_parameter_supported") is True
        if answer.get("iss", "" if says_issuer else metadata["issuer"]) != metadata["issuer"]:
            raise ValueError("the answer is another issuer's")
        tokens = await self._post_code(attempt, answer["code"])
        claims = await self._verify(tokens["id_token"], nonce={"value": attempt.nonce})
        if claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise ValueError("the token is for another client")
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims:
            raise ValueError("the token is for several clients")
        #{% if cookiecutter.identity == "email" %}
        if "email" not in claims and "userinfo_endpoint" in self._metadata:
            claims |= await self._ask_for_email(tokens["access_token"], claims["sub"])
        #{% endif %}
        return Person(
            claims["iss"],
            claims["sub"],
            self._verified_email(claims),
            str(claims.get("sid") or ""),
            claims.get("auth_time"),
            # Any number, of which some are too long for a database.
            max(claims["iat"], 0),
        )

    async def read_logout(self, token: str) -> dict[str, Any]:
        """Return what a logout token says (OpenID Connect Back-Channel Logout 1.0, 2.6).

        Raises Unavailable, JoseError or one of MALFORMED.
        """
        claims = await self._verify(token, jti={}, events={})
        # Neither is an ID token one, which browsers get to see.
        if "nonce" in claims or claims["events"].get(LOGOUT) is None:
            raise ValueError("it is no logout token")
        if claims["iat"] < self.clock() - LOGOUT_SECONDS:
            raise ValueError("it is too old")
        claims = {name: value for name, value in claims.items() if value not in (None, "")}
        if "sub" not in claims and "sid" not in claims:
            raise ValueError("it says of nobody that they have left")
        if "sub" in claims:
            check_subject(claims["sub"])
        return claims

    async def _post_code(self, attempt: Attempt, code: str) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        client = (self.settings.client_id, self.settings.client_secret.get_secret_value())
        options: dict[str, Any] = {"data": form}
        methods = self._metadata.get("token_endpoint_auth_methods_supported")
        if methods and "client_secret_basic" not in methods:
            form |= {"client_id": client[0], "client_secret": client[1]}
        else:
            # RFC 6749, 2.3.1.
            options["auth"] = (quote_plus(client[0]), quote_plus(client[1]))
        return await self.http.ask("POST", self._metadata["token_endpoint"], **options)

    #{% if cookiecutter.identity == "email" %}
    async def _ask_for_email(self, access_token: str, subject: str) -> dict[str, Any]:
        """Return what some providers say of an address elsewhere than in ID tokens (Core, 5.4)."""
        headers = {"Authorization": f"Bearer {access_token}"}
        found = await self.http.ask("GET", self._metadata["userinfo_endpoint"], headers=headers)
        # Of somebody else, it could be told by whoever has put in their access token (Core, 5.3.2).
        if found["sub"] != subject:
            raise ValueError("it is told of somebody else")
        return {name: found.get(name) for name in ("email", "email_verified")}

    #{% endif %}
    async def _verify(self, token: str, **wanted: Any) -> dict[str, Any]:
        """Return the claims of a token of this issuer's that is for this app."""
        await self._discover()
        try:
            decoded = jwt.decode(token, self._keys, ALGORITHMS)
        except InvalidKeyIdError:
            await self._discover(REFRESH_SECONDS)
            decoded = jwt.decode(token, self._keys, ALGORITHMS)
        claims = decoded.claims
        tenant = str(claims.get("tid"))
        issuer = self._metadata["issuer"].replace(TENANT, tenant)
        # Microsoft has keys that are for one tenant alone.
        signer = self._keys.get_by_kid(decoded.header.get("kid")).get("issuer", issuer)
        if str(signer).replace(TENANT, tenant) != issuer:
            raise ValueError("the key is another issuer's")
        options = {
            "iss": {"value": issuer},
            "aud": {"value": self.settings.client_id},
            "exp": {},
            "iat": {},
            **wanted,
        }
        essential: Any = {claim: {"essential": True, **each} for claim, each in options.items()}
        now, leeway = int(self.clock()), CLOCK_LEEWAY_SECONDS
        jwt.JWTClaimsRegistry(now=now, leeway=leeway, **essential).validate(claims)
        return claims

    def _verified_email(self, claims: Mapping[str, Any]) -> str:
        """Return the address that a token says, if the provider has verified it."""
        #{% if cookiecutter.identity == "email" %}
        # Some write the truth as text. Tenants of Microsoft's claim what they like, but for this:
        # whether the domain is theirs.
        is_microsoft = self.settings.issuer.startswith(f"{MICROSOFT}/")
        verified = claims.get("xms_edov" if is_microsoft else "email_verified")
        return str(claims.get("email") or "") if verified in (True, "true", "1") else ""
        #{% else %}
        return ""
        #{% endif %}

    async def _discover(self, max_age: float = CACHE_SECONDS) -> dict[str, Any]:
        """Return the provider's metadata, and keep its keys. Raises Unavailable."""
        # Whoever needs nothing new does not wait for those who do.
        if not self._is_within(max_age, self._fetched_at):
            async with self._lock:
                if not self._is_within(max_age, self._fetched_at):
                    await self._fetch()
        return self._metadata

    def _is_within(self, seconds: float, since: float) -> bool:
        # A clock that was wrong once must not count for ever.
        return 0 <= self.clock() - since < seconds

    async def _fetch(self) -> None:
        is_known = self._is_within(CACHE_SECONDS, self._fetched_at)
        if self._is_within(REFRESH_SECONDS if is_known else RETRY_SECONDS, self._tried_at):
            raise Unavailable("it was asked a moment ago")
        self._tried_at = self.clock()
        issuer = self.settings.issuer
        url = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
        found = await self.http.ask("GET", url)
        is_many = issuer in SEVERAL_TENANTS
        try:
            if found["issuer"] != (f"{MICROSOFT}/{TENANT}/v2.0" if is_many else issuer):
                raise Unavailable("it calls itself otherwise")
            endpoints = [found[f"{each}_endpoint"] for each in ("authorization", "token")]
            endpoints.append(found["jwks_uri"])
            #{% if cookiecutter.identity == "email" %}
            endpoints.append(found.get("userinfo_endpoint", issuer))
            #{% endif %}
            if not all(each.startswith(("https://", issuer)) for each in endpoints):
                raise Unavailable("its addresses are not safe")
            keys = await self.http.ask("GET", found["jwks_uri"])
            self._keys = _import_keys(keys["keys"])
        except (TypeError, LookupError, AttributeError) as error:
            raise Unavailable("it does not describe itself") from error
        self._metadata, self._fetched_at = found, self.clock()


def _import_keys(found: list[dict[str, Any]]) -> KeySet:
    keys = []
    for each in found:
        # What is not understood is left out (RFC 7517, 5).
        with suppress(JoseError, *MALFORMED):
            keys.append(JWKRegistry.import_key(each))
    return KeySet(keys)
