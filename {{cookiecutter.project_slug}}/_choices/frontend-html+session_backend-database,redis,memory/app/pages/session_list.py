"""What the account page shows of a user's sessions."""

from typing import Any

from ua_parser import parse_os, parse_user_agent

from app.sessions.service import SessionService
from app.users.service import AuthContext

# Parsing a user agent takes milliseconds, and a user may have many sessions.
MAX_SHOWN = 50


async def describe_sessions(auth: AuthContext, sessions: SessionService) -> dict[str, Any]:
    """Describe the user's sessions, the current one first, and say how many are not shown."""
    found = await sessions.list_for_user(auth.user.id)
    current = auth.session.record.key
    shown = [
        {
            "id": each.id,
            "name": describe_browser(each.user_agent),
            "ip": each.ip,
            "last_seen_at": each.last_seen_at,
            "current": each.key == current,
        }
        for each in sorted(found, key=lambda each: each.key != current)[:MAX_SHOWN]
    ]
    return {"sessions": shown, "more": len(found) - len(shown)}


def describe_browser(user_agent: str) -> str:
    """Return browser and system in words. User agents can be forged: this proves nothing."""
    browser, system = parse_user_agent(user_agent), parse_os(user_agent)
    name = browser.family if browser else "Unknown browser"
    return f"{name} on {system.family}" if system else name
