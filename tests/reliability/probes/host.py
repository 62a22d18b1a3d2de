"""The app of a host whose clock is wrong by CLOCK_OFFSET seconds: ``uvicorn host:app``.

It waits for its stores ten times as long as usual: a busy machine is no broken store.
"""

import importlib
import os
import time
from importlib.util import find_spec

from app import database
from app.config import Settings
from app.logs import configure_logging
from app.main import create_app

OFFSET = float(os.environ.get("CLOCK_OFFSET", "0"))
PATIENCE = 10

database.DEADLINE_SECONDS *= PATIENCE
if find_spec("app.redis"):
    redis = importlib.import_module("app.redis")
    redis.TIMEOUT_SECONDS *= PATIENCE
    redis.STEP_SECONDS *= PATIENCE

settings = Settings.load()
configure_logging(settings)
app = create_app(settings, clock=lambda: time.time() + OFFSET)
