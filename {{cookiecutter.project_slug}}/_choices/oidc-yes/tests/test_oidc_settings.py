"""Providers are named in the settings, each with variables of its own."""

from pathlib import Path
from typing import Any

import pytest

from app.config import Settings, SettingsError
from app.env_file import misspelled_names
from app.services import Services
from tests.conftest import KEY, PRODUCTION

SECRET = "the client's secret"


def load(**values: Any) -> Settings:
    return Settings.load(secret_keys=KEY, **values)


@pytest.fixture
def corp(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("OIDC_MY_CORP_CLIENT_ID", "the app")
    monkeypatch.setenv("OIDC_MY_CORP_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("OIDC_MY_CORP_ISSUER", "https://id.example/realms/a")
    return monkeypatch


def test_there_are_none_unless_they_are_named(corp: pytest.MonkeyPatch) -> None:
    assert load().oidc_providers == {}


def test_a_provider_is_read_from_variables_of_its_own(corp: pytest.MonkeyPatch) -> None:
    settings = load(oidc_providers="my-corp")
    [(name, provider)] = settings.oidc_providers.items()
    assert (name, provider.client_id) == ("my-corp", "the app")
    assert provider.client_secret.get_secret_value() == SECRET
    assert provider.issuer == "https://id.example/realms/a"
    assert Services(settings).oidc.titles == {"my-corp": "My Corp"}
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert SECRET not in shown


def test_presets_need_no_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("google", "microsoft", "github")
    for name in names:
        monkeypatch.setenv(f"OIDC_{name.upper()}_CLIENT_ID", name)
        monkeypatch.setenv(f"OIDC_{name.upper()}_CLIENT_SECRET", SECRET)
    settings = load(oidc_providers='["google", "microsoft", "github"]')
    assert tuple(settings.oidc_providers) == names
    oidc = Services(settings).oidc
    assert oidc.titles == {"google": "Google", "microsoft": "Microsoft", "github": "GitHub"}
    tenant = "https://login.microsoftonline.com/5d2e/v2.0"
    monkeypatch.setenv("OIDC_MICROSOFT_ISSUER", tenant)
    assert load(oidc_providers="microsoft").oidc_providers["microsoft"].issuer == tenant


def test_variables_are_read_from_the_file_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "OIDC_PROVIDERS=corp\n"
        "OIDC_CORP_CLIENT_ID=the app\n"
        f"OIDC_CORP_CLIENT_SECRET={SECRET}\n"
        "OIDC_CORP_ISUER=https://typo.example\n"
        "OIDC_CORP_ISSUER=https://id.example\n"
    )
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    assert load().oidc_providers["corp"].issuer == "https://id.example"
    [hint] = misspelled_names(Settings)
    assert hint.startswith("OIDC_CORP_ISUER: ")
    assert "OIDC_CORP_ISSUER?" in hint


@pytest.mark.parametrize("name", ["My-Corp", "a b", "a_b", "1st", "code", "passkey", "a" * 33])
def test_a_name_that_no_address_can_hold_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"OIDC_PROVIDERS: .* of lower-case letters"):
        load(oidc_providers=name)


def test_whatever_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_CORP_ISSUER", "https://id.example")
    with pytest.raises(SettingsError) as caught:
        load(oidc_providers="google,corp")
    text = str(caught.value)
    for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "CORP_CLIENT_ID"):
        assert f"needs OIDC_{name}" in text
    assert "ISSUER" not in text


@pytest.mark.parametrize(
    "issuer",
    ["id.example", "http://id.example", "https://", "https://a@b.example", "https://a.example/?b"],
)
def test_an_issuer_is_an_address_with_tls(corp: pytest.MonkeyPatch, issuer: str) -> None:
    corp.setenv("OIDC_MY_CORP_ISSUER", issuer)
    with pytest.raises(SettingsError, match="needs an https:// address in OIDC_MY_CORP_ISSUER"):
        load(oidc_providers="my-corp")


def test_in_development_a_provider_may_be_on_this_machine(corp: pytest.MonkeyPatch) -> None:
    corp.setenv("OIDC_MY_CORP_ISSUER", "http://localhost:9000")
    assert load(oidc_providers="my-corp").oidc_providers
    with pytest.raises(SettingsError, match="needs an https:// address in OIDC_MY_CORP"):
        load(oidc_providers="my-corp", **PRODUCTION)


@pytest.mark.parametrize("value", [0, 1, "[1", "[1]", '["a", null]', "{}x"])
def test_anything_but_a_list_of_names_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match="OIDC_PROVIDERS: "):
        load(oidc_providers=value)
