"""Settings that are wrong or dangerous stop the start, with one sentence for each mistake."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

#{% if cookiecutter.database == "sqlite" %}
from app.config import ADVICE, DEFAULT_DATABASE_URL, ROOT, Settings, SettingsError
#{% else %}
from app.config import ADVICE, DEFAULT_DATABASE_URL, PROJECT, ROOT, Settings, SettingsError
#{% endif %}
from app.env_file import warn_about_misspelled_names
from app.main import load_app
from app.services import Services
from tests.cli import Run
from tests.client import PASSWORD
from tests.conftest import KEY, PRODUCTION
from tests.people import ALICE

#{% if cookiecutter.database == "sqlite" %}
DATABASE_URL = DEFAULT_DATABASE_URL.replace("app.db", "database-password.db")
#{% else %}
DATABASE_URL = "postgresql+asyncpg://app:database-password@database.example/app"
#{% endif %}
SECRETS = (KEY, "database-password", "store-password")


def load(**values: Any) -> Settings:
    defaults = {"secret_keys": KEY, "database_url": DATABASE_URL}
    #{% if cookiecutter.session_backend == "redis" %}
    defaults["redis_url"] = "rediss://user:store-password@redis.example:6380/0"
    #{% endif %}
    return Settings.load(**{**defaults, **values})


def test_the_defaults_are_those_that_are_documented() -> None:
    settings = load(database_url=DEFAULT_DATABASE_URL)
    assert settings.environment == "development"
    assert (settings.database_pool_size, settings.database_statement_timeout) == (10, 30)
    assert (settings.session_lifetime, settings.session_idle_timeout) == (43_200, 3_600)
    assert settings.session_remember_lifetime == 2_592_000
    assert settings.session_cookie_secure
    assert settings.session_partitioned
    assert settings.trusted_origins == ()
    assert "localhost" in settings.allowed_hosts
    assert settings.allow_registration
    assert settings.password_min_length == 15
    assert (settings.login_max_failures, settings.login_window) == (5, 900)
    assert settings.max_body_bytes == 65_536
    assert settings.log_level == "info"


#{% if cookiecutter.database == "sqlite" %}
def test_the_default_database_is_a_file_in_the_project() -> None:
    assert Path(str(make_url(DEFAULT_DATABASE_URL).database)) == ROOT / "app.db"


#{% else %}
def test_the_default_database_is_named_after_the_project() -> None:
    assert make_url(DEFAULT_DATABASE_URL).database == PROJECT["slug"]


#{% endif %}
def test_production_is_closed_until_it_is_opened() -> None:
    settings = load(**PRODUCTION)
    assert not settings.allow_registration
    assert settings.allowed_hosts == ("localhost",)
    assert load(**PRODUCTION, allow_registration="true").allow_registration


@pytest.mark.parametrize(
    "written", ["[::1]", "[::1],localhost", " localhost, [::1]", '["[::1]", "localhost"]']
)
def test_an_ipv6_address_is_a_host_in_every_place_of_a_list(written: str) -> None:
    assert set(load(allowed_hosts=written).allowed_hosts) <= {"[::1]", "localhost"}


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        (KEY, [KEY]),
        (f"{KEY},{KEY}2", [KEY, f"{KEY}2"]),
        (f" {KEY} , {KEY}2 ,", [KEY, f"{KEY}2"]),
        (f'["{KEY}", "{KEY}2"]', [KEY, f"{KEY}2"]),
    ],
)
def test_lists_are_json_or_separated_by_commas(written: str, keys: list[str]) -> None:
    assert [key.get_secret_value() for key in load(secret_keys=written).secret_keys] == keys


def test_no_form_of_the_settings_shows_a_secret() -> None:
    settings = load()
    assert settings.database_url.get_secret_value() == DATABASE_URL
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "session_lifetime" in shown
        assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize(
    "origin",
    ["https://a.example", "http://localhost:5173", "https://a.example:8443", "https://[::1]:8443"],
)
def test_an_origin_is_taken_as_browsers_send_it(origin: str) -> None:
    assert load(trusted_origins=origin).trusted_origins == (origin,)


MISTAKES = [
    ({"secret_keys": ""}, "SECRET_KEYS: is not set"),
    ({"secret_keys": "tooshort"}, "SECRET_KEYS: each key needs at least 32 characters"),
    ({"secret_keys": list(KEY)}, "SECRET_KEYS: each key needs at least 32 characters"),
    ({"secret_keys": f"{KEY},short"}, "SECRET_KEYS: each key needs at least 32 characters"),
    ({"secret_keys": "changeme-" * 5}, "SECRET_KEYS: contains a placeholder"),
    ({"secret_keys": "a" * 64}, "SECRET_KEYS: contains a placeholder"),
    ({"secret_keys": "your-secret-key-goes-here-123456"}, "SECRET_KEYS: contains a placeholder"),
    ({"secret_keys": f"{KEY},{KEY}"}, "SECRET_KEYS: contains the same key twice"),
    ({"secret_keys": "[1, 2"}, "SECRET_KEYS: "),
    ({"environment": "staging"}, "ENVIRONMENT: "),
    ({"database_url": "mysql://localhost/app"}, "DATABASE_URL: must be a URL that begins with"),
    ({"database_url": "nonsense"}, "DATABASE_URL: must be a URL that begins with"),
    ({"database_url": ""}, "DATABASE_URL: must be a URL that begins with"),
    #{% if cookiecutter.database == "sqlite" %}
    ({"database_url": "sqlite+aiosqlite://"}, "DATABASE_URL: must name a database"),
    ({"database_url": "sqlite+aiosqlite:///:memory:"}, "DATABASE_URL: must name a database"),
    ({"database_url": f"{DEFAULT_DATABASE_URL}?timeout=abc"}, "DATABASE_URL: takes nothing after"),
    ({"database_url": f"{DEFAULT_DATABASE_URL}?mode=ro"}, "DATABASE_URL: takes nothing after"),
    ({"database_url": "sqlite+aiosqlite:////no/such/a.db"}, "DATABASE_URL: must name a file in a"),
    ({"database_url": f"sqlite+aiosqlite:////{'a' * 300}/a.db"}, "DATABASE_URL: must name a file"),
    ({"database_url": "sqlite+aiosqlite:///."}, "DATABASE_URL: must name a file in a folder"),
    ({"database_url": "sqlite+aiosqlite://app.db"}, "DATABASE_URL: must name a database"),
    ({"database_url": "sqlite+aiosqlite:///app.db\0"}, "DATABASE_URL: must name a file in a"),
    ({"database_url": "sqlite+aiosqlite://folder/app.db"}, "DATABASE_URL: must name a file in a"),
    #{% else %}
    ({"database_url": "postgresql+asyncpg://a.example"}, "DATABASE_URL: must name a database"),
    ({"database_url": "postgresql://database.example/app"}, "DATABASE_URL: must be a URL that"),
    ({"database_url": "postgresql+asyncpg://a:b/app"}, "DATABASE_URL: must be a URL that"),
    ({"database_url": f"{DATABASE_URL}?host=%00"}, "DATABASE_URL: cannot contain a NUL"),
    ({"database_url": f"{DATABASE_URL}?connect_timeout=3"}, "DATABASE_URL: takes nothing after"),
    ({"database_url": "postgresql+asyncpg://a.example:99999/app"}, "DATABASE_URL: must have ports"),
    ({"database_url": "postgresql+asyncpg://a.example:0/app"}, "DATABASE_URL: must have ports"),
    ({"database_url": "postgresql+asyncpg://db..example/app"}, "DATABASE_URL: must name servers"),
    ({"database_url": f"{DATABASE_URL}?host=a&port=abc"}, "DATABASE_URL: must name servers"),
    ({"database_url": f"{DATABASE_URL}?host=a:1&host=b:99999"}, "DATABASE_URL: must have ports"),
    ({"database_url": f"{DATABASE_URL}?sslmode=on"}, "DATABASE_URL: sslmode must be one of"),
    ({"database_url": f"{DATABASE_URL}?ssl=true"}, "DATABASE_URL: sslmode must be one of"),
    ({"database_url": f"{DATABASE_URL}?sslmode=verify-full"}, "DATABASE_URL: sslmode=verify-full"),
    ({"database_url": f"{DATABASE_URL}?sslcert=none"}, "DATABASE_URL: sslcert must name a file"),
    (
        {"database_url": f"{DATABASE_URL}?sslmode=allow&sslmode=require"},
        "DATABASE_URL: must have each option once",
    ),
    (
        {**PRODUCTION, "database_url": DEFAULT_DATABASE_URL},
        "DATABASE_URL: must be set in production",
    ),
    #{% endif %}
    ({"database_pool_size": 0}, "DATABASE_POOL_SIZE: "),
    ({"database_statement_timeout": 0}, "DATABASE_STATEMENT_TIMEOUT: "),
    # No driver takes it.
    ({"database_statement_timeout": 10**400}, "DATABASE_STATEMENT_TIMEOUT: "),
    ({"session_lifetime": "0"}, "SESSION_LIFETIME: "),
    ({"session_lifetime": "soon"}, "SESSION_LIFETIME: "),
    ({"session_remember_lifetime": 400 * 86_400 + 1}, "SESSION_REMEMBER_LIFETIME: "),
    ({"session_idle_timeout": -1}, "SESSION_IDLE_TIMEOUT: "),
    ({"session_samesite": "sometimes"}, "SESSION_SAMESITE: "),
    (
        {"session_samesite": "none", "session_cookie_secure": False},
        "SESSION_SAMESITE: none needs SESSION_COOKIE_SECURE=true",
    ),
    (
        {**PRODUCTION, "session_samesite": "none", "trusted_origins": ""},
        "SESSION_SAMESITE: none is for front ends on other sites",
    ),
    (
        {**PRODUCTION, "session_cookie_secure": False, "session_samesite": "lax"},
        "SESSION_COOKIE_SECURE: must be true",
    ),
    ({**PRODUCTION, "public_url": "http://localhost:8000"}, "PUBLIC_URL: must be set"),
    ({**PRODUCTION, "public_url": "http://a.example"}, "PUBLIC_URL: must be like https://"),
    ({"public_url": "https://a.example/path"}, "PUBLIC_URL: must be like https://"),
    ({"public_url": "a.example"}, "PUBLIC_URL: must be like https://"),
    ({"public_url": "https://a.example?q"}, "PUBLIC_URL: must be like https://"),
    ({"public_url": "https://A.example"}, "PUBLIC_URL: must be like https://"),
    ({"public_url": "https://a.example:65536"}, "PUBLIC_URL: must be like https://"),
    ({**PRODUCTION, "allowed_hosts": ""}, "ALLOWED_HOSTS: must name the hosts"),
    ({**PRODUCTION, "allowed_hosts": "*"}, "ALLOWED_HOSTS: '*' must be a host name"),
    ({"allowed_hosts": "a.*.com"}, "ALLOWED_HOSTS: 'a.*.com' must be a host name"),
    ({"allowed_hosts": "*example.com"}, "ALLOWED_HOSTS: '*example.com' must be a host name"),
    ({"allowed_hosts": '[""]'}, "ALLOWED_HOSTS: '' must be a host name"),
    ({"allowed_hosts": '["a",'}, "ALLOWED_HOSTS: is neither a JSON list nor"),
    ({"allowed_hosts": '{"a": 1}'}, "ALLOWED_HOSTS: "),
    ({"allowed_hosts": "localhost:8000"}, "ALLOWED_HOSTS: 'localhost:8000' must be a host name"),
    ({"allowed_hosts": "http://a.example"}, "ALLOWED_HOSTS: "),
    ({"allowed_hosts": "A.example"}, "ALLOWED_HOSTS: "),
    ({"trusted_origins": "*"}, "TRUSTED_ORIGINS: '*' must be an origin"),
    ({"trusted_origins": "https://a.example/"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://a.example/path"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://A.example"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://a.example:443"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://a.example:x"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://user@a.example"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "null"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://a.example:"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://*.example"}, "TRUSTED_ORIGINS: "),
    ({"trusted_origins": "https://a.example?b"}, "TRUSTED_ORIGINS: "),
    ({**PRODUCTION, "trusted_origins": "http://a.example"}, "TRUSTED_ORIGINS: "),
    ({"password_min_length": 7}, "PASSWORD_MIN_LENGTH: "),
    ({"password_hash_threads": 0}, "PASSWORD_HASH_THREADS: "),
    ({"login_max_failures": 0}, "LOGIN_MAX_FAILURES: "),
    # Four times as many have to fit into a column.
    ({"login_max_failures": 10**9}, "LOGIN_MAX_FAILURES: "),
    ({"login_window": 10**400}, "LOGIN_WINDOW: "),
    ({"max_body_bytes": 0}, "MAX_BODY_BYTES: "),
    ({"log_level": "loud"}, "LOG_LEVEL: input should be 'debug', 'info', 'warning' or 'error'"),
    ({"log_level": 10}, "LOG_LEVEL: "),
]


@pytest.mark.parametrize(("values", "sentence"), MISTAKES)
def test_a_mistake_stops_the_start_with_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**values)
    [line] = str(caught.value).splitlines()
    assert line.startswith(sentence)
    assert line.endswith(".")


def test_links_begin_with_the_public_url_without_a_slash_at_its_end() -> None:
    assert load(public_url="https://a.example/").public_url == "https://a.example"


def test_all_mistakes_are_reported_at_once_and_no_secret_with_them() -> None:
    wrong: dict[str, Any] = {
        "secret_keys": "not-long-enough",
        "database_url": "mysql://app:database-password@database.example/app",
        #{% if cookiecutter.session_backend == "redis" %}
        "redis_url": "http://user:store-password@redis.example",
        #{% endif %}
        "session_lifetime": "soon",
        "session_cookie_secure": False,
        "session_samesite": "lax",
    }
    with pytest.raises(SettingsError) as caught:
        load(**{**PRODUCTION, **wrong, "allowed_hosts": ""})
    mistakes = [line.split(":")[0] for line in str(caught.value).splitlines()]
    del wrong["session_samesite"]
    assert mistakes == [*(name.upper() for name in wrong), "ALLOWED_HOSTS"]
    assert not [secret for secret in ("not-long-enough", *SECRETS) if secret in str(caught.value)]


def test_the_server_does_not_start_with_mistakes(tmp_path: Path) -> None:
    # A copy finds no .env.
    shutil.copytree(ROOT / "app", tmp_path / "app")
    environment = {"PATH": "", "SECRET_KEYS": "x", "LOGIN_WINDOW": "0"}
    done = subprocess.run(
        [sys.executable, "-c", "import app.main"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    _, *mistakes, advice = done.stderr.splitlines()
    assert [line.split(":")[0] for line in mistakes] == ["SECRET_KEYS", "LOGIN_WINDOW"]
    assert advice == ADVICE


def test_the_app_that_servers_run_has_the_settings_of_the_environment(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**settings, "login_window": "60"}.items():
        monkeypatch.setenv(name.upper(), value)
    services: Services = load_app().state.services
    assert services.settings == Settings.load(**settings, login_window=60)


def test_a_start_that_would_fail_again_says_why_and_exits_with_status_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_KEYS", "short")
    with pytest.raises(SystemExit) as caught:
        load_app()
    assert caught.value.code == 3
    assert "SECRET_KEYS: each key needs at least 32 characters." in capsys.readouterr().err


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where ``.env`` is read from."""
    path = tmp_path / ".env"
    monkeypatch.setitem(Settings.model_config, "env_file", path)
    warn_about_misspelled_names.cache_clear()
    return path


@pytest.mark.parametrize(
    "content",
    [
        f"SECRET_KEYS={KEY}\n".encode("utf-16"),
        f"SECRET_KEYS={KEY}\n".encode("utf-16-le"),
        "# Schlüssel\nLOG_LEVEL=info\n".encode("latin-1"),
    ],
    ids=["UTF-16", "UTF-16 without a mark", "latin-1"],
)
def test_an_env_file_in_another_encoding_stops_server_and_commands_with_a_sentence(
    env_file: Path, run: Run, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    env_file.write_bytes(content)
    status, _, error = run("list-users")
    assert status == 3
    assert error.startswith(".env: is not in UTF-8; save it in that encoding.\n")
    with pytest.raises(SystemExit) as caught:
        load_app()
    assert caught.value.code == 3
    assert ".env: is not in UTF-8; save it in that encoding.\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["SECRET_KEYS", "database_url", "PUBLIC_URL"])
def test_a_setting_in_another_encoding_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(os.environb, name.encode(), f"{KEY}Schlüssel".encode("latin-1"))
    with pytest.raises(SettingsError, match=rf"^{name}: is not in UTF-8\.$"):
        load()


def test_an_env_file_that_may_not_be_read_stops_the_start_with_a_sentence(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> str:
        raise PermissionError(13, "Permission denied")

    env_file.touch()
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SettingsError, match=r"^\.env: cannot be read \(Permission denied\)\.$"):
        load()


@pytest.mark.parametrize(
    "line",
    [
        'ENVIRONMENT="production',
        "ENVIRONMENT: production",
        "ENVIRONMENT production=yes",
        "ENVIRONMENT",
        "ENVIRONMENT\uff1dproduction",
    ],
)
def test_a_line_of_an_env_file_that_cannot_be_read_stops_the_start(
    env_file: Path, line: str
) -> None:
    env_file.write_text(f"# Settings\n{line}\nLOG_LEVEL=info\n", "utf-8")
    with pytest.raises(SettingsError, match=r"^\.env: line 2 is not NAME=value\.$"):
        load()


def test_a_name_that_an_env_file_sets_twice_stops_the_start(env_file: Path) -> None:
    env_file.write_text("ENVIRONMENT=production\nLOG_LEVEL=info\nenvironment=\n", "utf-8")
    with pytest.raises(SettingsError, match=r"^\.env: line 3 sets ENVIRONMENT a second time\.$"):
        load()


def test_an_env_file_may_begin_with_the_mark_of_windows(env_file: Path) -> None:
    env_file.write_text("LOGIN_WINDOW=77\n", "utf-8-sig")
    assert load().login_window == 77


WIDE = "\uff2c\uff2f\uff27\uff3f\uff2c\uff25\uff36\uff25\uff2c"
NAMES = f"""
SECRET_KEY=the-secret-itself
{WIDE}=debug
export session_life_time = 60
LOGIN_WINDOW=77
#LOGIN_WINDOWS=78
SENTRY_DSN=https://sentry.example
"""


def test_a_name_in_the_env_file_that_is_almost_a_setting_is_named_in_a_warning(
    env_file: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    env_file.write_text(NAMES, "utf-8")
    assert run("create-user", ALICE, "--password-stdin", typed=PASSWORD)[0] == 0
    assert [each.getMessage() for each in caplog.records if each.name == "app.env_file"] == [
        "SECRET_KEY: is in .env but no setting; did you mean SECRET_KEYS?",
        f"{WIDE}: is in .env but no setting; did you mean LOG_LEVEL?",
        "SESSION_LIFE_TIME: is in .env but no setting; did you mean SESSION_LIFETIME?",
    ]


def test_a_start_that_fails_names_it_too(env_file: Path) -> None:
    env_file.write_text(NAMES, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(secret_keys=())
    assert "did you mean SECRET_KEYS?" in str(caught.value)
    assert "the-secret-itself" not in str(caught.value)
