"""Passkeys belong to the host of PUBLIC_URL, which has to be one."""

import pytest

from app.config import Settings, SettingsError
from tests.conftest import KEY


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://[::1]:8000"])
def test_an_ip_address_is_no_domain_of_passkeys(url: str) -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL: must have a host name"):
        Settings.load(secret_keys=KEY, public_url=url)
