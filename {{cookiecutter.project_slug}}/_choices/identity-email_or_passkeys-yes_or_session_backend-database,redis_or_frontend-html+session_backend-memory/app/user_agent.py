"""User agents in words."""

from ua_parser import parse_os, parse_user_agent


def describe_browser(user_agent: str) -> str:
    """Return browser and system in words. User agents can be forged: this proves nothing."""
    browser, system = parse_user_agent(user_agent), parse_os(user_agent)
    name = browser.family if browser else "Unknown browser"
    return f"{name} on {system.family}" if system else name
