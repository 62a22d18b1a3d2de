"""Email addresses: what people sign in with. Each has one spelling."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from app.users.errors import InvalidName

# What it is called in JSON and in forms.
FIELD = "email"

# RFC 5321, 4.5.3.1.3, without the brackets around it; ``validate_email`` holds it.
MAX_CHARACTERS = 254

_NO_ADDRESS = "Enter an email address, like name@example.com."


def normalise(address: str) -> str:
    """Return the one spelling of an address: compatibility forms and case folded.

    ``name+tag@…`` is an address of its own. Domains may be in any script, and need not exist; of
    them IDNA 2008 folds the case, since Unicode's rules would make other domains of some. The
    part before the @ is ASCII: mail to others needs a protocol that few servers speak (RFC 6531).
    Quotes and comments are refused, and more than 254 characters. Raises InvalidName.
    """
    local_part, _, domain = unicodedata.normalize("NFKC", address.strip()).rpartition("@")
    # Before it takes long: one character may have become eighteen.
    if len(local_part) + len(domain) > MAX_CHARACTERS:
        raise InvalidName(_NO_ADDRESS)
    try:
        validated = validate_email(
            f"{local_part.casefold()}@{domain}",
            allow_smtputf8=False,
            check_deliverability=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError:
        raise InvalidName(_NO_ADDRESS) from None
    return validated.normalized


def mailbox_of(address: str) -> str:
    """Return an address without its ``+tag``, or Gmail's dots: all of them end in one mailbox."""
    local_part, _, domain = address.rpartition("@")
    local_part = local_part.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        local_part, domain = local_part.replace(".", ""), "gmail.com"
    return f"{local_part}@{domain}"


def mask(address: str) -> str:
    """Return what reminds its owner of an address, and tells others little."""
    local_part, _, domain = address.rpartition("@")
    return f"{local_part[0]}…@{domain}"


def words_of(address: str) -> tuple[str, ...]:
    """Return what a password of theirs must not contain."""
    local_part = address.rpartition("@")[0]
    return (local_part, local_part.partition("+")[0])
