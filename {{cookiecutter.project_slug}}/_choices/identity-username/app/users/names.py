"""User names: what people sign in with. They have one spelling, so no two can be look-alikes."""

import re
import unicodedata

from app.users.errors import InvalidName

# What it is called in JSON and in forms.
FIELD = "username"

MAX_CHARACTERS = 64

# Printable to Python, invisible to people: what Unicode calls default ignorable, and blank Braille.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def normalise(name: str) -> str:
    """Return the one spelling of a name: compatibility forms, case and spaces folded.

    Raises InvalidName when it is empty, too long, or has characters that cannot be seen.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Folding may undo the normal form, and the other way round.
    folded = re.sub(" +", " ", unicodedata.normalize("NFKC", folded)).strip()
    if not folded:
        raise InvalidName("Enter a user name.")
    if len(folded) > MAX_CHARACTERS:
        raise InvalidName(f"A user name can have at most {MAX_CHARACTERS} characters.")
    # Neither are control and zero-width characters, lone surrogates and line breaks.
    if not folded.isprintable() or _INVISIBLE.search(folded):
        raise InvalidName("A user name can only have visible characters.")
    return folded


def words_of(name: str) -> tuple[str, ...]:
    """Return what a password of theirs must not contain."""
    return (name,)
