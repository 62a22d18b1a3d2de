"""GitHub, which speaks OAuth without OpenID Connect: its API says who somebody is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.oidc_settings import ProviderSettings
from app.users.providers import Attempt, Http, Person

SITE, API = "https://github.com/login/oauth", "https://api.github.com"
#{% if cookiecutter.identity == "email" %}
# To read the addresses. Who somebody is, anybody may know.
SCOPE = "user:email"
#{% endif %}


@dataclass(frozen=True)
class GitHub:
    """Signs in with accounts of GitHub. It cannot be told to ask again who somebody is."""

    settings: ProviderSettings
    redirect_uri: str
    http: Http

    async def address(self, attempt: Attempt, *, again: bool = False) -> str:
        """Return where the browser goes. again: to the choice of an account there."""
        query = {
            **attempt.parameters,
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            #{% if cookiecutter.identity == "email" %}
            "scope": SCOPE,
            #{% endif %}
            **({"prompt": "select_account"} if again else {}),
        }
        return f"{SITE}/authorize?{urlencode(query)}"

    async def redeem(self, attempt: Attempt, answer: Mapping[str, str]) -> Person:
        """Return who came back. Raises Unavailable, ValueError, TypeError or LookupError."""
        if answer.get("iss", SITE) != SITE:
            raise ValueError("the answer is another issuer's")
        form = {
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret.get_secret_value(),
            "code": answer["code"],
            "redirect_uri": self.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        tokens = await self.http.ask("POST", f"{SITE}/access_token", data=form)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        user = await self.http.ask("GET", f"{API}/user", headers=headers)
        # Not the login, which somebody else may have tomorrow.
        subject = str(int(user["id"]))
        #{% if cookiecutter.identity == "email" %}
        found = await self.http.ask("GET", f"{API}/user/emails", headers=headers)
        primary = [each["email"] for each in found if each["primary"] and each["verified"] is True]
        return Person(SITE, subject, "".join(primary[:1]))
        #{% else %}
        return Person(SITE, subject)
        #{% endif %}

    async def read_logout(self, token: str) -> dict[str, Any]:
        """Raise ValueError: GitHub says of nobody that they have left."""
        raise ValueError("it sends no logout tokens")
