"""What mails say: a template for each, whose first line is the subject.

The HTML form is made of the same paragraphs, so the wording has one home.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from app.config import PROJECT
from app.sessions.session import ClientInfo
from app.user_agent import browser_and_system

# Whatever else a client calls itself or its system would be a stranger's words in somebody's mail.
BROWSERS = (
    *("Chrome", "Chrome Mobile", "Chrome Mobile iOS", "Chromium", "Edge", "Edge Mobile"),
    *("Firefox", "Firefox Mobile", "Firefox iOS", "Mobile Safari", "Opera", "Opera Mobile"),
    *("Safari", "Samsung Internet"),
)
SYSTEMS = ("Android", "Chrome OS", "Fedora", "iOS", "Linux", "Mac OS X", "Ubuntu", "Windows")

_TEMPLATES = Environment(
    loader=PackageLoader("app.email"),
    # The text form is no HTML, and would show its escapes.
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals["project"] = PROJECT


class MailText(NamedTuple):
    """What a mail says, as text and as HTML."""

    subject: str
    text: str
    html: str


def write(template: str, client: ClientInfo, now: float, /, **values: Any) -> MailText:
    """Write a mail. client: from where it was caused. now: Unix time in seconds.

    Raises TypeError for a value that is called like one of the cause: a mail of yours about an
    ``address`` would otherwise show where somebody was, or hide it.
    """
    browser, system = browser_and_system(client.user_agent)
    name = browser if browser in BROWSERS else "a program"
    cause = {
        "browser": f"{name} on {system}" if system in SYSTEMS else name,
        "address": client.ip,
        "time": f"{datetime.fromtimestamp(now, UTC):%d %B %Y at %H:%M} UTC",
    }
    rendered = _TEMPLATES.get_template(f"{template}.txt").render(**cause, **values)
    subject, _, text = rendered.partition("\n")
    paragraphs = [each.strip() for each in text.strip().split("\n\n")]
    html = render("layout.html", subject=subject, paragraphs=paragraphs)
    return MailText(subject, "\n\n".join(paragraphs) + "\n", html)


def render(template: str, **values: object) -> str:
    """Return one of the HTML templates of this folder, filled in."""
    return _TEMPLATES.get_template(template).render(**values)
