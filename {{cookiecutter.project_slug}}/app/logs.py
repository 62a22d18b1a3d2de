"""Logging, set up once: which levels are written, and how a line looks."""

import logging
import re
from datetime import UTC, datetime

from uvicorn.logging import ColourizedFormatter

from app import security_log
from app.config import Settings

_TOKEN = re.compile(r"([?&](?:token|code|state)=)[^&]+")

UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access")


def configure_logging(settings: Settings, *, on_terminal: bool = False) -> None:
    """Set the levels of the app's loggers, and write to standard error.

    on_terminal: somebody is reading, in production as well. Where logging is set up already, by
    ``--log-config`` or ``basicConfig``, its handlers stay the only ones.
    """
    logging.getLogger("app").setLevel(settings.log_level.upper())
    # A token in an address would open in the log what it was sent to one person for.
    logging.getLogger("uvicorn.access").addFilter(hide_tokens)
    # An attack must be seen, whatever LOG_LEVEL says.
    security_log.LOGGER.setLevel(logging.INFO)
    if security_log.LOGGER.hasHandlers():
        return
    as_json = settings.production and not on_terminal
    formatter = JsonFormatter() if as_json else TextFormatter()
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)

    of_uvicorn = [each for name in UVICORN for each in logging.getLogger(name).handlers]
    if of_uvicorn:
        # It writes its own lines, and ours would be the second of each.
        handler.addFilter(lambda record: not record.name.startswith("uvicorn"))
    for each in of_uvicorn:
        # Any other formatter was chosen by the operator.
        if as_json and isinstance(each.formatter, ColourizedFormatter):
            each.setFormatter(formatter)


def hide_tokens(record: logging.LogRecord) -> bool:
    """Replace the tokens of links in the addresses that the server logs."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            _TOKEN.sub(r"\1...", each) if isinstance(each, str) else each for each in record.args
        )
    return True


class JsonFormatter(logging.Formatter):
    """Writes one JSON object a line, for programs. A security event is one already."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        if record.name == security_log.LOGGER.name:
            return record.getMessage()
        return security_log.json_line(
            {
                "datetime": datetime.fromtimestamp(record.created, UTC).isoformat(
                    timespec="milliseconds"
                ),
                "level": record.levelname,
                "logger": record.name,
                "message": record.getMessage(),
                "request": security_log.request_id.get(),
                "exception": self.formatException(record.exc_info) if record.exc_info else None,
            }
        )


class TextFormatter(logging.Formatter):
    """Writes lines for people; a security event stays the JSON object that it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record, and an exception indented below it."""
        if record.name == security_log.LOGGER.name:
            return record.getMessage()
        time = self.formatTime(record, "%H:%M:%S")
        request = security_log.request_id.get() or "-"
        line = f"{time} {record.levelname} {record.name} [{request}] {record.getMessage()}"
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        # No value can begin a line, or control the terminal.
        return "\n    ".join(map(escape, (line, *traceback.splitlines())))


def escape(text: str) -> str:
    r"""Spell out line breaks and other control characters, as in ``\n``."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
