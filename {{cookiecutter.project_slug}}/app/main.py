"""The ASGI application: ``uvicorn app.main:app``."""

import sys

from app import security_log
from app.factory import create_app
from app.settings import STARTUP_FAILURE, Settings, SettingsError
from app.web.access import refuse_undeclared_routes

try:
    settings = Settings.load()
except SettingsError as error:
    print(f"The app cannot start with these settings.\n{error}", file=sys.stderr)
    raise SystemExit(STARTUP_FAILURE) from None

security_log.write_to_stderr()
app = create_app(settings)
# Here as well, for a server that is told to leave the lifespan out.
refuse_undeclared_routes(app)
