"""User names have one spelling, so that two people cannot hold look-alikes."""

import re
import unicodedata

from app import texts
from app.accounts.errors import InvalidName

MAX_CHARACTERS = 64

# Printable to Python, invisible to people: what Unicode calls default ignorable, and blank Braille.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def normalise(name: str) -> str:
    """Return the one spelling of a name: compatibility forms, case and outer space folded.

    Raises InvalidName when it is empty, longer than 64 characters, or holds what cannot be seen.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Folding may undo the normal form, and the other way round.
    folded = unicodedata.normalize("NFKC", folded).strip()
    if not folded:
        raise InvalidName(texts.NAME_NEEDED)
    if len(folded) > MAX_CHARACTERS:
        raise InvalidName(texts.NAME_TOO_LONG.format(MAX_CHARACTERS))
    # Neither are control and zero-width characters, lone surrogates and line breaks.
    if not folded.isprintable() or _INVISIBLE.search(folded):
        raise InvalidName(texts.NAME_NOT_VISIBLE)
    return folded
