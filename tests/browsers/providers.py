"""A real provider of identities: npm's certified ``oidc-provider``, on loopback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from playwright.sync_api import Page, expect

from tests import processes
from tests.deploying import missing, program, running
from tests.project import free_port
from tests.waiting import PATIENCE_SECONDS

PROBE = Path(__file__).parent.parent / "probes" / "provider.cjs"

# What the app calls it.
NAME = "corner-shop"


@dataclass(frozen=True)
class Provider:
    """One that runs, on another site than the app: http://127.0.0.1 is not http://localhost."""

    issuer: str

    def settings_for(self, origin: str) -> dict[str, str]:
        """Register an app, as its owner does at a provider; return what to set in the app."""
        here = f"{origin}/login/{NAME}"
        about = {
            "redirect_uris": [f"{here}/callback"],
            "backchannel_logout_uri": f"{here}/logout",
            "backchannel_logout_session_required": True,
        }
        response = httpx2.post(f"{self.issuer}/reg", json=about, timeout=PATIENCE_SECONDS)
        assert response.status_code == 201, response.text
        client = response.json()
        return {
            "OIDC_PROVIDERS": NAME,
            "OIDC_CORNER_SHOP_ISSUER": self.issuer,
            "OIDC_CORNER_SHOP_CLIENT_ID": client["client_id"],
            "OIDC_CORNER_SHOP_CLIENT_SECRET": client["client_secret"],
        }

    def sign_in(self, page: Page, address: str) -> None:
        """Sign in there, on a page of its own."""
        expect(page.get_by_role("heading", name="Sign in at the provider")).to_be_visible()
        page.get_by_label("Address").fill(address)
        page.get_by_role("button", name="Sign in").click()

    def sign_out(self, page: Page) -> None:
        """Sign out there, which the app is told behind the browser's back."""
        page.goto(f"{self.issuer}/session/end")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Signed out at the provider")).to_be_visible()


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run one, for as long as the block lasts."""
    node, npm = program("node", "nodejs"), program("npm", "npm")
    modules = processes.run([npm, "root", "--global"], check=True).stdout.strip()
    if not (Path(modules) / "oidc-provider").exists():
        missing("The provider is not installed: npm install --global oidc-provider")
    port = free_port()
    variables = {"NODE_PATH": modules, "PATH": os.environ["PATH"]}
    with running([node, str(PROBE), str(port)], PROBE.parent, "serving", variables):
        yield Provider(f"http://127.0.0.1:{port}")
