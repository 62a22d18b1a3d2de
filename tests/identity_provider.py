"""A tiny identity provider on loopback: it takes everybody for the same person."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests import processes

CLIENT_ID, CLIENT_SECRET, SUBJECT = "the-app", "the secret of the app", "248289761001"
METADATA_PATH = "/.well-known/openid-configuration"


class IdentityProvider(ThreadingHTTPServer):
    """Speaks as much of OpenID Connect as a sign-in by code wants, and holds the app to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key = self._signing_key = RSAKey.generate_key(2048, {"kid": "1"})
        self.lies: dict[str, object] = {}
        """Claims to be told instead of the true ones."""
        self.nonsense: dict[str, object] = {}
        """What to answer instead, by path."""
        self.is_called_off = False
        """Whether the person changes their mind there."""
        self.codes: dict[str, dict[str, str]] = {}

    @property
    def metadata(self) -> dict[str, object]:
        """What it says of itself (OpenID Connect Discovery 1.0, 3)."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def sign_with_another_key(self) -> None:
        """Sign from here on with a key that is not the one it shows."""
        self._signing_key = RSAKey.generate_key(2048, {"kid": "1"})

    def sign(self, claims: dict[str, object]) -> str:
        """Return a token that says so."""
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self._signing_key)


class _Handler(BaseHTTPRequestHandler):
    server: IdentityProvider

    def do_GET(self) -> None:
        """Describe the provider, show its key, or send somebody back with a code."""
        url, provider = urlsplit(self.path), self.server
        if url.path in provider.nonsense:
            self._answer(provider.nonsense[url.path])
        elif url.path == METADATA_PATH:
            self._answer(provider.metadata)
        elif url.path == "/keys":
            self._answer({"keys": [provider.key.as_dict(private=False)]})
        else:
            asked = dict(parse_qsl(url.query))
            code = str(len(provider.codes))
            provider.codes[code] = asked
            self.send_response(302)
            said = {"error": "access_denied"} if provider.is_called_off else {"code": code}
            query = urlencode({**said, "state": asked["state"]})
            self.send_header("Location", f"{asked['redirect_uri']}?{query}")
            self.end_headers()

    def do_POST(self) -> None:
        """Give the token for a code, once."""
        provider = self.server
        sent = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        asked = provider.codes.pop(sent["code"], None)
        verifier = sent["code_verifier"].encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode()
        client = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if (
            asked is None
            or self.headers["Authorization"] != f"Basic {client}"
            or asked["code_challenge"] != challenge.rstrip("=")
            or asked["redirect_uri"] != sent["redirect_uri"]
        ):
            self._answer({"error": "invalid_grant"}, 400)
            return
        if self.path in provider.nonsense:
            self._answer(provider.nonsense[self.path])
            return
        claims: dict[str, object] = {
            "iss": provider.url,
            "aud": CLIENT_ID,
            "sub": SUBJECT,
            "nonce": asked["nonce"],
            "exp": int(time.time()) + 60,
        }
        token = provider.sign(claims | provider.lies)
        self._answer({"access_token": "none", "token_type": "Bearer", "id_token": token})

    def _answer(self, content: object, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Run one for as long as the block lasts."""
    with IdentityProvider() as provider:
        thread = processes.thread(provider.serve_forever)
        try:
            yield provider
        finally:
            provider.shutdown()
            processes.join(thread)
