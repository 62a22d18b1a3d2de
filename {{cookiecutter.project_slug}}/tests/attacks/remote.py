"""An app behind a connection, as the target of stories."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import chain, count
from typing import NamedTuple

import httpx2

from tests.attacks.stories import NotPlayed, Target
from tests.client import COOKIE, PASSWORD, Browser
from tests.people import FIELD, name_of
from tests.recorder import COOKIE_NAMES
from tests.routes import APP_ROUTES, http_routes

# How long to wait for an answer, in seconds: passwords take their time.
TIMEOUT = 30

# The headers that an attack is about, of a request and of an answer.
SENT = (
    *("authorization", "content-type", "cookie", "host", "origin", "sec-fetch-site"),
    *("x-forwarded-for", "x-real-ip", "forwarded", "client-ip"),
)
ANSWERED = ("location", "retry-after", "set-cookie", "www-authenticate")


class Address(NamedTuple):
    """Where the app is.

    host: as in its URL. ip: where that leads. source: the address to come from. public_url: where
    the app says that it is.
    """

    host: str
    port: int
    ip: str
    source: str
    public_url: str


class Remote(Target):
    """An app that was started by somebody else, on this machine.

    run: part of the names of all accounts. tell: is told of each request and each answer.
    """

    def __init__(self, address: Address, run: str, tell: Callable[[str], None]) -> None:
        super().__init__(
            alice=name_of(f"alice-{run}"),
            mallory=name_of(f"mallory-{run}"),
            nobody=name_of(f"nobody-{run}"),
            public_url=address.public_url,
            clock=time.time,
            routes=list(http_routes(APP_ROUTES)),
        )
        self.address = address
        self.tell = tell
        self.transport = httpx2.AsyncHTTPTransport(local_address=address.source)
        self.cookie_name = COOKIE
        self.accounts: set[str] = set()
        self._browsers: list[Browser] = []
        self._newcomers = (name_of(f"newcomer{number}-{run}") for number in count())

    async def prepare(self) -> None:
        """Open the accounts of the victim and the attacker. Raises NotPlayed with the reason."""
        #{% if cookiecutter.identity == "email" %}
        mail = await self.browser().get("/dev/mail")
        if mail.status_code != 200:
            raise NotPlayed("Accounts need the links at /dev/mail: unset MAIL_URL for this.")
        #{% endif %}
        for name in (self.alice, self.mallory):
            response = await self.browser().register(name)
            if response.status_code == 403:
                raise NotPlayed("Registration is off: set ALLOW_REGISTRATION=true for this.")
        await self.signed_in(self.alice)

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.aclose()

    def browser(self) -> Browser:
        self._browsers.append(RemoteBrowser(self))
        return self._browsers[-1]

    async def signed_in(self, name: str) -> Browser:
        browser = self.browser()
        if name not in self.accounts:
            await browser.register(name)
        response = await browser.sign_in(name)
        if response.status_code != 200:
            raise NotPlayed(f"{name} could not sign in: {response.status_code} {response.text}")
        # Another one where the cookie has to do without Secure.
        self.cookie_name = browser.cookie_name = next(
            each for each in COOKIE_NAMES if browser.cookies.get(each)
        )
        return browser

    def newcomer(self) -> str:
        return next(self._newcomers)

    async def disabled(self) -> list[str]:
        # Operators close accounts in a shell.
        return []

    async def delete_accounts(self) -> None:
        """Delete every account that was opened here, and take its name from the set of them."""
        for name in self.accounts:
            await self.browser().sign_in(name)
        for browser in [each for each in self._browsers if each.token]:
            who = await browser.get("/api/me")
            if who.is_success and (name := who.json()[FIELD]) in self.accounts:
                await browser.post("/api/me/delete", json={"confirm": name})

    async def send(
        self, head: Iterable[bytes], body: Iterable[bytes] = ()
    ) -> httpx2.Response | None:
        """Send a request that no client would: byte by byte. Return None when there is no answer.

        head: its lines, without the Host header.
        """
        host = f"Host: {self.address.host}:{self.address.port}".encode()
        first, *others = head
        self.tell("> " + " | ".join(line.decode("latin-1") for line in (first, *others)))
        content = chain([b"\r\n".join([first, host, *others, b"", b""])], body)
        status = await asyncio.to_thread(_exchange, self.address, content)
        self.tell("< " + (status.decode("latin-1").strip() or "the connection was closed"))
        method, path, _ = first.decode().split()
        request = httpx2.Request(method, f"https://{self.address.host}{path}")
        return httpx2.Response(int(status[9:12]), request=request) if status else None


def _exchange(address: Address, content: Iterable[bytes]) -> bytes:
    """Send this to a server, as much as it takes; return the first line of its answer, if any."""
    where = (address.ip, address.port)
    with socket.create_connection(where, TIMEOUT, (address.source, 0)) as connection:
        # It may answer before it has everything, and close the connection.
        with suppress(ConnectionError):
            for part in content:
                connection.sendall(part)
        with suppress(ConnectionError), connection.makefile("rb") as answer:
            return answer.readline()
    return b""


class RemoteBrowser(Browser):
    """A browser of such an app. Browsers keep Secure cookies on localhost; so does this one."""

    def __init__(self, target: Remote) -> None:
        host, port = target.address.host, target.address.port
        super().__init__(Loopback(target), f"https://{host}:{port}")
        self.origin = f"http://{host}:{port}"
        self.cookie_name = target.cookie_name
        self.timeout = TIMEOUT
        self.event_hooks = {"response": [self._note_deletion]}
        self._target = target

    async def register(
        self, name: str = "", password: str = PASSWORD, **more: object
    ) -> httpx2.Response:
        response = await super().register(name, password, **more)
        while response.status_code == 429:
            wait = int(response.headers["retry-after"])
            self._target.tell(f"  waiting {wait} s: so many registrations a minute are allowed")
            await asyncio.sleep(wait)
            response = await super().register(name, password, **more)
        if response.is_success:
            self._target.accounts.add(name)
        return response

    async def _note_deletion(self, response: httpx2.Response) -> None:
        request = response.request
        if request.url.path == "/api/me/delete" and response.status_code == 204:
            self._target.accounts.discard(json.loads(request.content)["confirm"])

    async def send_cookie(self, header: str | bytes, path: str = "/api/me") -> httpx2.Response:
        content = header if isinstance(header, bytes) else header.encode("latin-1")
        lines = [f"GET {path} HTTP/1.1".encode(), b"Cookie: " + content]
        response = await self._target.send(lines)
        if response is None:
            raise NotPlayed("the server has closed the connection")
        return response


class Loopback(httpx2.AsyncBaseTransport):
    """Leads to the address that was checked to be on this machine, whatever a request says."""

    def __init__(self, target: Remote) -> None:
        self._target = target

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        address = self._target.address
        url = request.url.copy_with(scheme="http", host=address.ip, port=address.port)
        sent = httpx2.Request(
            request.method,
            url,
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        self._tell(f"> {request.method} {request.url.raw_path.decode()}", request.headers, SENT)
        response = await self._target.transport.handle_async_request(sent)
        answer = f"< {response.status_code} {response.reason_phrase}"
        self._tell(answer, response.headers, ANSWERED)
        return response

    def _tell(self, line: str, headers: httpx2.Headers, shown: Sequence[str]) -> None:
        self._target.tell(line)
        for name, value in headers.multi_items():
            if name in shown:
                self._target.tell(f"  {name}: {value}")
