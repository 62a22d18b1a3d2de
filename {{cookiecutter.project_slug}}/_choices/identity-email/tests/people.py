"""Whom the tests are about."""

# What people sign in with, as the API and the forms call it.
FIELD = "email"

# The status of every registration, and the sentence about what nobody can sign in with.
REGISTERED = 202
NO_NAME = "Enter an email address, like name@example.com."


def name_of(nickname: str) -> str:
    """Return what somebody signs in with."""
    return f"{nickname}@example.com"


ALICE, BOB, CAROL, DAVE, MALLORY = map(name_of, ("alice", "bob", "carol", "dave", "mallory"))


def spellings(name: str) -> tuple[str, ...]:
    """Return other ways of typing a name."""
    local, _, domain = name.partition("@")
    wide = chr(ord(name[0]) + ord("\uff41") - ord("a")) + name[1:]
    return (name.capitalize(), f" {local}@{domain.upper()}", f"{name.upper()} ", wide)


SPELLINGS = spellings(ALICE)

# As long as a name may be, and one with characters that are two columns wide.
LONG = f"{'x' * 64}@{'y' * 60}.example"
WIDE = "bob@日本語.example"
