"""What a test does to the app over HTTP, in words."""

import logging
from collections.abc import Mapping
from typing import Any, Self

import httpx2
from fastapi import FastAPI

from app.config import PROJECT
from app.models import ROLES
from app.services import Services
from app.sessions.session import ClientInfo, SignIn
from app.users.errors import NameTaken
#{% if cookiecutter.identity == "email" %}
from tests.mail import Mail, mails
#{% endif %}
from tests.people import ALICE, FIELD
from tests.recorder import Recorder

LOGGER = logging.getLogger(__name__)

ORIGIN = "https://localhost"
COOKIE = f"__Host-Http-{PROJECT['slug']}-session"
PASSWORD = "correct horse battery staple"


def log_exceptions(app: FastAPI) -> Any:
    """Return the app, with the traceback of what becomes a 500 in the log, which pytest shows."""

    async def logged(*arguments: Any) -> None:
        try:
            await app(*arguments)
        except Exception:
            LOGGER.exception("The app has responded with 500 to this:")
            raise

    return logged


class Browser(httpx2.AsyncClient):
    """A client with a cookie jar of its own, wherever the app is.

    transport: leads to the app. base_url: https, so that the jar gives Secure cookies back.
    """

    # How a browser names the app in an Origin header.
    origin = ORIGIN
    cookie_name = COOKIE

    def __init__(self, transport: httpx2.AsyncBaseTransport, base_url: str = ORIGIN) -> None:
        super().__init__(transport=transport, base_url=base_url, trust_env=False)

    @property
    def token(self) -> str | None:
        """The session token in the cookie jar."""
        return self.cookies.get(self.cookie_name)

    def use_token(self, token: str | None) -> None:
        """Put a session token into the cookie jar, wherever it was copied from."""
        host = self.base_url.host
        domain = host if "." in host else f"{host}.local"
        self.cookies.set(self.cookie_name, str(token), domain=domain, path="/")

    async def register(
        self, name: str = ALICE, password: str = PASSWORD, **more: object
    ) -> httpx2.Response:
        """Register, and be able to sign in. more: further fields of the body."""
        body = {FIELD: name, "password": password, **more}
        #{% if cookiecutter.identity == "email" %}
        response = await self.post("/api/register", json=body)
        newest = (await self.mails())[0] if response.status_code == 202 else None
        if newest and newest.purpose == "verify":
            await self.post("/api/email/verify", json={"token": newest.token})
        return response
        #{% else %}
        return await self.post("/api/register", json=body)
        #{% endif %}

    #{% if cookiecutter.identity == "email" %}
    async def mails(self) -> list[Mail]:
        """Return what the app has sent, the newest first, as the development page shows it."""
        response = await self.get("/dev/mail", headers={"accept": "application/json"})
        return [Mail(each["to"], each["subject"], each["text"]) for each in response.json()]

    #{% endif %}
    async def sign_in(
        self,
        name: str = ALICE,
        password: str = PASSWORD,
        *,
        remember: bool = False,
        headers: Mapping[bytes, bytes] | None = None,
    ) -> httpx2.Response:
        body = {FIELD: name, "password": password, "remember": remember}
        return await self.post("/api/login", json=body, headers=headers)

    async def is_signed_in(self) -> bool:
        """Whether the session in the cookie jar is active."""
        return await self.opens(self.token)

    async def opens(self, token: str | None) -> bool:
        """Whether a session token is that of an active session, wherever it was copied from."""
        response = await self.send_cookie(f"{self.cookie_name}={token}")
        assert response.status_code in (200, 401)
        return response.status_code == 200

    async def send_cookie(self, header: str | bytes, path: str = "/api/me") -> httpx2.Response:
        """Send a Cookie header as it is, instead of the cookie jar."""
        content = header if isinstance(header, bytes) else header.encode("latin-1")
        request = httpx2.Request("GET", self.base_url.join(path), headers=[(b"cookie", content)])
        return await self.send(request)


class Client(Browser):
    """A browser of an app in this process; every response passes the recorder.

    address: None for one that connects through a Unix socket.
    """

    def __init__(self, app: FastAPI, address: str | None = "192.0.2.1") -> None:
        peer: Any = (address, 50_000) if address else None
        logged = log_exceptions(app)
        transport = httpx2.ASGITransport(logged, client=peer, raise_app_exceptions=False)
        super().__init__(Recorder(transport))
        self.app = app
        self.address = address or "local"

    #{% if cookiecutter.identity == "email" %}
    async def mails(self) -> list[Mail]:
        """Return what the app has stored, whatever its settings say of where it goes."""
        return await mails(self.app)

    #{% endif %}
    async def signed_in(self, name: str = ALICE, *, role: str | None = None) -> Self:
        """Start a session without the way through a password, which takes far longer.

        The account is created unless it exists, with that role if one is named.
        """
        services: Services = self.app.state.services
        try:
            user = await services.users.register(name, PASSWORD, role or ROLES[0])
        except NameTaken:
            if role:
                await services.users.change_role(name, role)
            user = await services.users.find(name)
        client = ClientInfo(self.address, self.headers["user-agent"])
        session = await services.sessions.create(SignIn(user.id, user.session_version), client)
        self.use_token(session.token)
        return self
