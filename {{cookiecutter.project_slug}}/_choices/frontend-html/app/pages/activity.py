"""What the pages show of what has happened to an account."""

from typing import Any

from app.user_agent import describe_browser
from app.users.account_events import OPERATOR
from app.web.dependencies import CurrentUser, Users

MAX_SHOWN = 5


async def describe_activity(user: CurrentUser, users: Users) -> list[dict[str, Any]]:
    """Describe the latest events of the user's account, the newest first."""
    return [
        {
            **each._asdict(),
            "by": "An operator" if each.ip == OPERATOR.ip else describe_browser(each.user_agent),
        }
        for each in (await users.events.list_recent(user.id))[:MAX_SHOWN]
    ]
