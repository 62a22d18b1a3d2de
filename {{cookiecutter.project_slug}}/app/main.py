"""The ASGI application: ``uvicorn app.main:app``."""

from app import security_log
from app.factory import create_app
from app.settings import Settings, SettingsError

try:
    settings = Settings.load()
except SettingsError as error:
    raise SystemExit(f"The app cannot start with these settings.\n{error}") from None

security_log.write_to_stderr()
app = create_app(settings)
