"""Whom the tests are about."""

# What people sign in with, as the API and the forms call it.
FIELD = "username"

# The status of a registration, and the sentence about what nobody can sign in with.
REGISTERED = 201
NO_NAME = "Enter a user name."


def name_of(nickname: str) -> str:
    """Return what somebody signs in with."""
    return nickname


ALICE, BOB, CAROL, DAVE, MALLORY = map(name_of, ("alice", "bob", "carol", "dave", "mallory"))


def spellings(name: str) -> tuple[str, ...]:
    """Return other ways of typing a name."""
    wide = "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in name)
    return (name.capitalize(), f" {name}", f"{name.upper()} ", wide)


SPELLINGS = spellings(ALICE)

# As long as a name may be, and one with characters that are two columns wide.
LONG = "x" * 64
WIDE = "日本語"
