"""The settings of providers: where people have accounts that open one here."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.env_file import ENCODING, variables_of

MICROSOFT = "https://login.microsoftonline.com"
# The issuers of those that need no OIDC_NAME_ISSUER.
PRESETS = {
    "google": "https://accounts.google.com",
    # Any tenant, and private accounts too; a tenant of one's own is named by its issuer.
    "microsoft": f"{MICROSOFT}/common/v2.0",
    "github": "https://github.com/login/oauth",
}
# Those of Microsoft that stand for several tenants: each has an issuer of its own.
SEVERAL_TENANTS = (f"{MICROSOFT}/common/v2.0", f"{MICROSOFT}/organizations/v2.0")
TITLES = {"google": "Google", "microsoft": "Microsoft", "github": "GitHub"}

_NAME = re.compile("[a-z][a-z0-9-]{0,31}")
# What ``/login/…`` is about already.
_TAKEN = ("code", "passkey")
# Without TLS on this machine only, in development.
_ISSUER = re.compile(r"https://[^\s/?#@]+(/[^\s?#]*)?")
_LOCAL_ISSUER = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]+)?(/[^\s?#]*)?")


class ProviderSettings(BaseModel):
    """How this app is known at a provider. issuer: exactly as the provider writes it."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    client_id: str
    client_secret: SecretStr
    issuer: str

    def accepts(self, issuer: str) -> bool:
        """Whether people can sign in here with accounts of an issuer."""
        is_any_tenant = self.issuer in SEVERAL_TENANTS and issuer.startswith(f"{MICROSOFT}/")
        return is_any_tenant or issuer == self.issuer


class _Variables(BaseSettings):
    """The variables of a provider, without what they begin with."""

    model_config = SettingsConfigDict(
        env_file_encoding=ENCODING, env_ignore_empty=True, extra="ignore"
    )

    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    issuer: str = ""


def read_providers(names: Any, env_file: Any, *, production: bool) -> Mapping[str, Any]:
    """Return the settings of providers by name, from the environment and ``.env``.

    names: of OIDC_PROVIDERS, or such settings already. Raises ValueError.
    """
    if isinstance(names, Mapping):
        return names
    providers, mistakes = {}, []
    for name in map(str, names if isinstance(names, list) else [names]):
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise ValueError(f"{name!r} must consist of lower-case letters, digits and dashes")
        variables = variables_of(name)
        prefix = variables["issuer"].removesuffix("ISSUER")
        options: dict[str, Any] = {"_env_prefix": prefix, "_env_file": env_file}
        values = _Variables(**options).model_dump()
        values["issuer"] = values["issuer"] or PRESETS.get(name, "")
        mistakes += [f"needs {variables[field]}" for field in values if not values[field]]
        if values["issuer"] and not _is_issuer(values["issuer"], production=production):
            mistakes.append(f"needs an https:// address in {variables['issuer']}")
        providers[name] = values
    if mistakes:
        raise ValueError(", ".join(mistakes))
    return providers


def title_of(name: str) -> str:
    """Return what people call a provider."""
    return TITLES.get(name) or name.replace("-", " ").title()


def _is_issuer(issuer: str, *, production: bool) -> bool:
    is_local = not production and _LOCAL_ISSUER.fullmatch(issuer)
    return bool(is_local or _ISSUER.fullmatch(issuer))
