"""The small values that may be kept with a session."""

import json
import re
from collections.abc import Iterable

from pydantic import JsonValue

#{% if cookiecutter.session_backend != "signed-cookie" %}
# Sealed, and all values of a session together.
MAX_DATA_BYTES = 16_384

#{% endif %}
# What lies deeper could be kept, but not be shown: an answer is itself some levels deep.
MAX_DEPTH = 32

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class InvalidValue(ValueError):
    """A name or a value that cannot be kept. The text is a sentence."""


class TooMuchData(Exception):
    """There is no room left for a value."""


def check_name(name: str) -> None:
    """Raise InvalidValue unless a value may be kept under that name."""
    if not _NAME.fullmatch(name):
        raise InvalidValue("A name is made of 1 to 64 letters, digits, dots, dashes and _.")


def to_text(value: JsonValue) -> bytes:
    """Return a value as JSON. Raises InvalidValue for what JSON cannot say, or says too deeply."""
    if not _is_flat(value, MAX_DEPTH):
        raise InvalidValue(f"The value is nested deeper than {MAX_DEPTH} levels.")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError):
        raise InvalidValue("The value is not one that JSON can hold.") from None


def _is_flat(value: JsonValue, levels: int) -> bool:
    """Whether a value has no more than so many levels below it."""
    children: Iterable[JsonValue] = ()
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list):
        children = value
    return levels >= 0 and all(_is_flat(child, levels - 1) for child in children)
