"""User names have one spelling, so that two people cannot hold look-alikes."""

import unicodedata

from app.accounts.errors import InvalidName

MAX_CHARACTERS = 64


def normalise(name: str) -> str:
    """Return the one spelling of a name: compatibility forms, case and outer space folded.

    Raises InvalidName when it is empty, longer than 64 characters, or holds what cannot be seen.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Folding may undo the normal form, and the other way round.
    folded = unicodedata.normalize("NFKC", folded).strip()
    if not folded:
        raise InvalidName("A user name is needed.")
    if len(folded) > MAX_CHARACTERS:
        raise InvalidName(f"A user name has at most {MAX_CHARACTERS} characters.")
    # Control and zero-width characters, lone surrogates, line breaks.
    if not folded.isprintable():
        raise InvalidName("A user name holds visible characters only.")
    return folded
