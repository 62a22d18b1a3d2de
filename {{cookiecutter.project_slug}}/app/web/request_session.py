"""The session of one request, from the raw cookie to the headers of the response."""

import math

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from app import security_log
from app.models import User
from app.services import Services
from app.sessions.active_session import ActiveSession
#{% if cookiecutter.totp %}
from app.sessions.session import Amr, ClientInfo, SignIn
from app.users.errors import SignInFailed
from app.users.factors import SecondFactorRequired
#{% else %}
from app.sessions.session import ClientInfo, SignIn
#{% endif %}
from app.users.rate_limit import WIDER, subscriber
#{% if cookiecutter.totp %}
from app.users.totp import LOCKED, WrongCode
#{% endif %}
#{% if cookiecutter.frontend == "html" or cookiecutter.oidc %}
from app.web.begun import begun_cookies
#{% endif %}

MAX_USER_AGENT_CHARACTERS = 200

COOKIE_BLOCKED = "This browser keeps no third-party cookie unless SESSION_PARTITIONED=true."

RawHeaders = list[tuple[bytes, bytes]]


class RequestSession:
    """The session of a request, and the headers that its response needs because of it.

    ``SecurityMiddleware`` makes one for each request and writes its headers when the response
    starts, so that they are on errors and redirects as well.
    headers: those of the request. ip: the address of the client.
    """

    def __init__(self, headers: RawHeaders, ip: str, services: Services) -> None:
        self.services = services
        self.ip = ip
        self._headers = headers
        self.session: ActiveSession | None = None
        self.user: User | None = None
        self._deletes_cookie = False
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        self._is_cookie_sent = False
        #{% endif %}
        #{% if cookiecutter.frontend == "html" or cookiecutter.oidc %}
        self._has_signed_in = False
        #{% endif %}
        #{% if cookiecutter.oidc %}
        # Set-Cookie headers beside the session's.
        self.more_cookies: list[bytes] = []
        #{% endif %}
        # Whether anything in the response may depend on the session.
        self.depends_on_session = False

    @property
    def client(self) -> ClientInfo:
        """Where the request comes from."""
        agent = next((value for name, value in self._headers if name == b"user-agent"), b"")
        text = agent.decode("latin-1")[:MAX_USER_AGENT_CHARACTERS]
        return ClientInfo(self.ip, "".join(filter(str.isprintable, text)))

    @property
    def challenge(self) -> dict[str, str]:
        """The header that says with a 401 how to sign in (RFC 9110, 15.5.2)."""
        return {"WWW-Authenticate": f'Cookie cookie-name="{self.services.cookie.name}"'}

    def session_tokens(self) -> list[str]:
        """Return every session token that came with the request, unverified."""
        self.depends_on_session = True
        return self.services.cookie.read(self._headers)

    def session_token(self) -> str | None:
        """Return the session token of the request, unverified; None when there are two."""
        tokens = self.session_tokens()
        if len(tokens) > 1:
            # An attacker has set one of them, and there is no way to tell which (RFC 6265bis, 8.6).
            security_log.event("input_validation_fail", warning=True, reason="two session cookies")
            return None
        return tokens[0] if tokens else None

    async def load_session(self) -> ActiveSession | None:
        """Return the session, which is read once."""
        if self.session is None and (token := self.session_token()):
            self.session = await self.services.sessions.load(token)
            #{% if cookiecutter.session_backend == "signed-cookie" %}
            self._close_session()
            #{% endif %}
        return self.session

    async def load_user(self) -> User | None:
        """Return the user, who is read once and together with the session."""
        if self.user is None and (token := self.session_token()):
            found = await self.services.sessions.load_with_user(token)
            if found:
                # A session that is loaded already may have changed since: it stays.
                self.session, self.user = self.session or found[0], found[1]
                #{% if cookiecutter.session_backend == "signed-cookie" %}
                self._close_session()
                #{% endif %}
        return self.user

    #{% if cookiecutter.identity == "email" %}
    async def register(self, name: str, password: str) -> None:
        """Send a link that creates an account.

        Raises AccountError, TooManyRequests, or HTTPException when registration is closed.
        """
        await self.limit_registrations()
        await self.services.emails.register(name, password, self.client)
    #{% else %}
    async def register(self, name: str, password: str) -> User:
        """Create an account for whoever sent the request.

        Raises AccountError, TooManyRequests, or HTTPException when registration is closed.
        """
        await self.limit_registrations()
        return await self.services.users.register(name, password)
    #{% endif %}

    async def limit_registrations(self) -> None:
        """Raise TooManyRequests, or HTTPException when registration is closed."""
        settings = self.services.settings
        if not settings.allow_registration:
            raise HTTPException(403, "Registration is closed.")
        limit, address = settings.login_max_failures * WIDER, subscriber(self.ip)
        await self.services.request_limiter.acquire(f"registration {address}", limit, 60)

    #{% if cookiecutter.totp %}
    async def sign_in(
        self, name: str, password: str, *, code: str = "", remember: bool = False
    ) -> User:
        """Check a password, create a session, and let the response set the cookie.

        code: for an account that has a second factor; it gets no session without. Raises
        AccountError, or HTTPException when the browser would not keep the cookie.
        """
        sign_in = await self.services.users.check_password(name, password, self.ip)
        # A passkey is another way to sign in, and no step after the password.
        if kinds := await self.services.totp.kinds_of(sign_in.user_id):
            if not code:
                raise SecondFactorRequired(kinds, sign_in)
            return await self.sign_in_with_code(sign_in, code, remember=remember)
        return await self.finish_sign_in(sign_in, remember=remember)

    async def sign_in_with_code(
        self, sign_in: SignIn, code: str, *, remember: bool = False
    ) -> User:
        """Check the code of somebody whose password was right, and go on. Raises as above."""
        #{% if cookiecutter.session_backend == "redis" %}
        # No recovery code is to be used up for nothing.
        await self.services.ping()
        #{% endif %}
        try:
            await self.services.totp.verify(sign_in.user_id, code, self.client)
        except WrongCode as error:
            kinds = await self.services.totp.kinds_of(sign_in.user_id)
            if not kinds:
                # The app was taken away since the password was checked, or the account.
                raise SignInFailed from None
            text = str(error) if "totp" in kinds else LOCKED
            raise SecondFactorRequired(kinds, sign_in, text) from None
        sign_in = sign_in._replace(amr=sign_in.amr | Amr.OTP)
        return await self.finish_sign_in(sign_in, remember=remember)
    #{% else %}
    async def sign_in(self, name: str, password: str, *, remember: bool = False) -> User:
        """Check a password, create a session, and let the response set the cookie.

        Raises AccountError, or HTTPException when the browser would not keep the cookie.
        """
        sign_in = await self.services.users.check_password(name, password, self.ip)
        return await self.finish_sign_in(sign_in, remember=remember)
    #{% endif %}

    async def finish_sign_in(self, sign_in: SignIn, *, remember: bool = False) -> User:
        """Create a session for a sign-in, and let the response set the cookie. Raises as above."""
        self.require_cookies()
        session, user = await self.services.users.sign_in(
            sign_in, self.client, remember=remember, old_tokens=self.session_tokens()
        )
        #{% if cookiecutter.oidc %}
        await self.services.identities.note_session(sign_in, session)
        #{% endif %}
        await self.services.users.note_sign_in(session, self.client)
        #{% if cookiecutter.identity == "email" %}
        await self.services.known_devices.note(user, self.client)
        #{% endif %}
        # Nothing may fail from here on: nobody gets the cookie with an error.
        self.session, self.user = session, user
        #{% if cookiecutter.frontend == "html" or cookiecutter.oidc %}
        self._has_signed_in = True
        #{% endif %}
        return user

    def require_cookies(self) -> None:
        """Raise HTTPException when the browser would not keep the cookie.

        Rather than a success that is followed by 401 for ever.
        """
        if self.services.cookie.is_blocked(self._headers):
            raise HTTPException(403, COOKIE_BLOCKED)

    async def sign_out(self) -> None:
        """Revoke every session that the request brought, and let the response delete the cookie."""
        await self.services.sessions.revoke(*self.session_tokens())
        self._deletes_cookie = True
    #{% if cookiecutter.session_backend != "signed-cookie" %}

    async def revoke_one(self, user: User, session_id: str) -> None:
        """Revoke a session of the user. Raises SessionNotFound."""
        revoked = await self.services.sessions.revoke_one(user.id, session_id)
        self._deletes_cookie = self.session is not None and revoked.key == self.session.record.key
    #{% endif %}

    def write_headers(self, headers: RawHeaders) -> None:
        """Add the headers that the session requires to a response."""
        #{% if cookiecutter.session_backend == "signed-cookie" %}
        self.close_cookie()
        #{% endif %}
        if not self.depends_on_session:
            return
        # No cache may keep it, and none may hand it to somebody else (ASVS 5.0 14.3.2).
        headers[:] = [header for header in headers if header[0] != b"cache-control"]
        headers += [(b"cache-control", b"no-store"), (b"vary", b"Cookie")]
        #{% if cookiecutter.oidc %}
        headers += [(b"set-cookie", each) for each in self.more_cookies]
        #{% endif %}
        #{% if cookiecutter.frontend == "html" or cookiecutter.oidc %}
        if self._has_signed_in or self._deletes_cookie:
            begun = begun_cookies(self.services, self._headers)
            forgotten = [(b"set-cookie", each.delete_cookie()) for each in begun]
            headers += [each for each in forgotten if each not in headers]
        #{% endif %}
        if self._deletes_cookie:
            headers.append((b"set-cookie", self.services.cookie.delete_cookie()))
        elif self.session and self.session.token_changed:
            headers.append((b"set-cookie", self._set_cookie(self.session)))
    #{% if cookiecutter.session_backend == "signed-cookie" %}

    def close_cookie(self) -> None:
        """Refuse to change the session from here on: its cookie has been sent, or never will be."""
        self._is_cookie_sent = True
        self._close_session()

    def _close_session(self) -> None:
        if self.session and self._is_cookie_sent:
            self.session.is_cookie_sent = True
    #{% endif %}

    def _set_cookie(self, session: ActiveSession) -> bytes:
        record = session.record
        max_age = math.ceil(record.expires_at - record.last_seen_at) if record.remember else None
        return self.services.cookie.set_cookie(session.token, max_age)


def get_request_session(connection: HTTPConnection) -> RequestSession:
    """Return what SecurityMiddleware has attached to the request."""
    request_session: RequestSession = connection.scope["state"]["request_session"]
    return request_session
