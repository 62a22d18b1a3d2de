"""User agents in words. They can be forged: they prove nothing."""


def describe_browser(user_agent: str) -> str:
    """Return browser and system in words."""
    browser, system = browser_and_system(user_agent)
    name = browser or "Unknown browser"
    return f"{name} on {system}" if system else name


def browser_and_system(user_agent: str) -> tuple[str, str]:
    """Return the names of browser and system; empty where they are not known.

    Either may be any text of the client's.
    """
    # Here, since its patterns would delay each start.
    from ua_parser import parse_os, parse_user_agent

    browser, system = parse_user_agent(user_agent), parse_os(user_agent)
    return browser.family if browser else "", system.family if system else ""
