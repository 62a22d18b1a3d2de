"""For the load balancer: whether the process is alive, and whether it can do its work."""

from fastapi import APIRouter

from app.web.dependencies import CurrentRequestSession, public

router = APIRouter(prefix="/health", include_in_schema=False)


@router.get("/live")
@public
async def live() -> dict[str, str]:
    """Respond as long as the process does: an unreachable store is no reason to restart it."""
    return {"status": "alive"}


@router.get("/ready")
@public
async def ready(request_session: CurrentRequestSession) -> dict[str, str]:
    """Respond with 503 while a store is out of reach."""
    await request_session.services.ping()
    return {"status": "ready"}
