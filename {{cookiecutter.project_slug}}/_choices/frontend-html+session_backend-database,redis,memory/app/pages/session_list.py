"""Sessions as people recognise them: by browser, system and address."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any

from ua_parser import parse_os, parse_user_agent

from app.sessions.session import Session

# What a browser says of itself takes milliseconds to parse, and anybody may sign in very often.
MAX_SHOWN = 50


def describe_sessions(sessions: Sequence[Session], current: Session) -> dict[str, Any]:
    """Describe a user's sessions, the current one first, and say how many are not shown."""
    current_first = sorted(sessions, key=lambda each: each.key != current.key)
    shown = [
        {
            "id": each.id,
            "name": describe_browser(each.user_agent),
            "place": describe_address(each.ip),
            "last_seen_at": each.last_seen_at,
            "current": each.key == current.key,
        }
        for each in current_first[:MAX_SHOWN]
    ]
    return {"sessions": shown, "more": len(sessions) - len(shown)}


def describe_browser(user_agent: str) -> str:
    """Return browser and system in words. Browsers say what they like: it proves nothing."""
    browser, system = parse_user_agent(user_agent), parse_os(user_agent)
    name = browser.family if browser else "Unknown browser"
    return f"{name} on {system.family}" if system else name


def describe_address(ip: str) -> str:
    """Return what an address stands for; the address itself in most cases."""
    try:
        address = ip_address(ip)
    except ValueError:
        # Of a connection that has none, such as a Unix socket's.
        return ip
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return "this server"
    return f"local network, {address}" if address.is_private else str(address)
