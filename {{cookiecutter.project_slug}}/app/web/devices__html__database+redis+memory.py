"""A session as people recognise it: by browser, system and place."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, Self

from ua_parser import parse_os, parse_user_agent

from app import texts
from app.sessions.session import Session
from app.web.moments import Moment, moment

# What a browser says of itself takes milliseconds to read, and anybody may sign in very often.
MAX_SHOWN = 50


class Device(NamedTuple):
    """A session in the list on the account page."""

    id: str
    name: str
    place: str
    last_seen: Moment
    current: bool

    @classmethod
    def of(cls, session: Session, current: Session, now: float) -> Self:
        """Describe a session to the user who looks at it from the current one."""
        return cls(
            id=session.id,
            name=_name(session.user_agent),
            place=_place(session.ip),
            last_seen=moment(session.last_seen_at, now),
            current=session.key == current.key,
        )


def devices(sessions: Sequence[Session], current: Session, now: float) -> tuple[list[Device], int]:
    """Describe a user's sessions, this one first; return them, and how many are not shown."""
    this_first = sorted(sessions, key=lambda each: each.key != current.key)
    shown = [Device.of(each, current, now) for each in this_first[:MAX_SHOWN]]
    return shown, len(sessions) - len(shown)


def _name(user_agent: str) -> str:
    """Return browser and system in words. Browsers say what they like: it proves nothing."""
    browser, system = parse_user_agent(user_agent), parse_os(user_agent)
    name = browser.family if browser else texts.UNKNOWN_BROWSER
    return texts.BROWSER_ON_SYSTEM.format(name, system.family) if system else name


def _place(ip: str) -> str:
    """Return the place that an address stands for; the address itself in most cases."""
    try:
        address = ip_address(ip)
    except ValueError:
        # Of a connection that has none, such as a Unix socket's.
        return ip
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return texts.THIS_COMPUTER
    return texts.LOCAL_NETWORK.format(address) if address.is_private else str(address)
