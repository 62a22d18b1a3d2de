"""What the account page shows of a user's sessions."""

from typing import Any

from app.sessions.service import SessionService
from app.users.service import AuthContext


async def describe_sessions(_: AuthContext, __: SessionService) -> dict[str, Any]:
    """Describe nothing: the server keeps no list of sessions."""
    return {}
