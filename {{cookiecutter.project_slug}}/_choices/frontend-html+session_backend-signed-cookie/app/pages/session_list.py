"""What the pages show of a user's sessions."""

from typing import Any

from app.web.dependencies import CurrentAuth, Sessions


async def describe_sessions(_: CurrentAuth, __: Sessions) -> dict[str, Any]:
    """Describe nothing: the server keeps no list of sessions."""
    return {}
