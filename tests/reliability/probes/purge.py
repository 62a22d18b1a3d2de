"""Run ``python -m app purge``; print, as JSON, how many sessions are kept, and what should be gone.

overdue: in a database, records that were past their time before the purge. In Redis, which deletes
by itself, those that it will keep for longer than a session lives.
"""

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

from app import models
from app.cli import main as run_command
from app.config import Settings
from app.services import Services
from app.sessions import store
from sqlalchemy import func, select


async def count(services: Services, statement: Any) -> int:
    [row] = await services.database.fetch_all(
        select(func.count()).select_from(statement.subquery())
    )
    return int(row[0])


async def look(now: float) -> dict[str, int]:
    settings = Settings.load()
    services = Services(settings)
    attempt = models.LoginAttempt
    is_old = attempt.outcome.is_distinct_from(True) & (attempt.at <= now - settings.login_window)
    kept, overdue = 0, await count(services, select(attempt.id).where(is_old))
    if hasattr(models, "UserSession"):
        row, value = models.UserSession, models.SessionValue
        kept += await count(services, select(row.key))
        overdue += await count(services, select(row.key).where(row.expires_at <= now))
        orphans = value.session_key.not_in(select(row.key))
        overdue += await count(services, select(value.name).where(orphans))
    if hasattr(models, "EndedSession"):
        ended = models.EndedSession
        kept += await count(services, select(ended.key))
        forgotten = ended.ends_at <= now - store.KEEP_SECONDS
        overdue += await count(services, select(ended.key).where(forgotten))
    if hasattr(services, "redis"):
        names = await services.redis.run("KEYS", "*")
        left = await services.redis.run_all([("PTTL", name) for name in names])
        kept += sum(name.endswith(b"}") for name in names)
        # Redis says -1 of a key without an end, and -2 of one that is gone by now.
        longest = settings.session_lifetime * 1000
        overdue += sum(each == -1 or each > longest for each in left)
    await services.close()
    return {"kept": kept, "overdue": overdue}


now = time.time()
with suppress(SystemExit):
    run_command(["purge"])
print(json.dumps(asyncio.run(look(now))))
