"""What the pages show of a user's sessions."""

from typing import Any

from app.user_agent import describe_browser
from app.web.dependencies import CurrentAuth, Sessions

# Parsing a user agent takes milliseconds, and a user may have many sessions.
MAX_SHOWN = 50


async def describe_sessions(auth: CurrentAuth, sessions: Sessions) -> dict[str, Any]:
    """Describe the user's sessions, the current one first, and say how many are not shown."""
    found = await sessions.list_for_user(auth.user.id)
    current = auth.session.record.key
    shown = [
        {
            "id": each.id,
            "name": describe_browser(each.user_agent),
            "kind": kind_of_device(each.user_agent),
            "ip": each.ip,
            "last_seen_at": each.last_seen_at,
            "current": each.key == current,
        }
        for each in sorted(found, key=lambda each: each.key != current)[:MAX_SHOWN]
    ]
    return {"sessions": shown, "more": len(found) - len(shown)}


def kind_of_device(user_agent: str) -> str:
    """Return which icon stands for a client: phone, tablet, computer or program."""
    if "Mobi" in user_agent and "iPad" not in user_agent:
        return "phone"
    if any(each in user_agent for each in ("iPad", "Tablet", "Android")):
        return "tablet"
    return "computer" if user_agent.startswith("Mozilla/") else "program"
