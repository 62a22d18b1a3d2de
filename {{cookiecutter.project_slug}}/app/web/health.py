"""For the load balancer: is the process alive, and can it do its work."""

from fastapi import APIRouter

from app.web.access import public
from app.web.visit import CurrentServices

router = APIRouter(prefix="/health", include_in_schema=False)


@router.get("/live")
@public
async def live() -> dict[str, str]:
    """Answer as long as the process does; a store that is out of reach is no reason to restart."""
    return {"status": "alive"}


@router.get("/ready")
@public
async def ready(services: CurrentServices) -> dict[str, str]:
    """Answer 503 while a store is out of reach."""
    await services.ping()
    return {"status": "ready"}
