"""What ``.env`` is checked for beyond its values: whether it can be read, and its names."""

import logging
import os
#{% if cookiecutter.oidc %}
import re
#{% endif %}
import unicodedata
from collections.abc import Collection
from difflib import get_close_matches
from functools import cache
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic_settings import BaseSettings

LOGGER = logging.getLogger(__name__)

# With or without the mark that editors on Windows put in front.
ENCODING = "utf-8-sig"
#{% if cookiecutter.oidc %}


def variables_of(provider: str) -> dict[str, str]:
    """Return the names of a provider's variables by what they are for."""
    prefix = f"OIDC_{provider.upper().replace('-', '_')}_"
    return {each: f"{prefix}{each.upper()}" for each in ("client_id", "client_secret", "issuer")}
#{% endif %}


def misspelled_names(settings: type[BaseSettings]) -> list[str]:
    """Return a sentence for each name in the file that is no setting, but looks like one.

    Raises ValueError, with a sentence, when the file or the environment cannot be read.
    """
    file = settings.model_config["env_file"]
    known = [name.upper() for name in settings.model_fields]
    written = _read(file) if isinstance(file, Path) else {}
    #{% if cookiecutter.oidc %}
    named = f"{os.environ.get('OIDC_PROVIDERS', '')} {written.get('OIDC_PROVIDERS', '')}"
    for provider in re.findall("[a-z][a-z0-9-]*", named):
        known += variables_of(provider).values()
    #{% endif %}
    _check_environment(known)
    sentences = []
    for name in written:
        similar = get_close_matches(unicodedata.normalize("NFKC", name), known, n=1, cutoff=0.75)
        if similar and name not in known:
            sentences.append(f"{name}: is in .env but no setting; did you mean {similar[0]}?")
    return sentences


@cache
def warn_about_misspelled_names(settings: type[BaseSettings]) -> None:
    """Log once what has no effect, but looks as if it was meant to."""
    for sentence in misspelled_names(settings):
        LOGGER.warning("%s", sentence)


def _check_environment(known: Collection[str]) -> None:
    """Raise ValueError when a setting is not in UTF-8."""
    for name, value in os.environ.items():
        if name.upper() in known:
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{name}: is not in UTF-8.") from None


def _read(file: Path) -> dict[str, str]:
    """Return the values in the file by their names, in capitals. Raises ValueError."""
    try:
        text = file.read_text(ENCODING) if file.is_file() else ""
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        raise ValueError(f".env: cannot be read ({error.strerror}).") from None
    if "\0" in text:
        raise ValueError(".env: is not in UTF-8; save it in that encoding.")
    written = {}
    for each in parse_stream(StringIO(text)):
        if each.error or (each.key and each.value is None):
            # The settings would do without: production, in which a quote is missing, would not be.
            raise ValueError(f".env: line {each.original.line} is not NAME=value.")
        name = (each.key or "").upper()
        if name in written:
            raise ValueError(f".env: line {each.original.line} sets {name} a second time.")
        if name:
            written[name] = each.value or ""
    return written
