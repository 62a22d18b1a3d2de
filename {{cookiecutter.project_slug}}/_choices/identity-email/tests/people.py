"""Whom the tests are about."""

# What people sign in with, as the API and the forms call it.
FIELD = "email"

ALICE, BOB, CAROL, DAVE = (f"{name}@example.com" for name in ("alice", "bob", "carol", "dave"))

# Other ways of typing who Alice is.
SPELLINGS = (
    "Alice@example.com",
    " alice@EXAMPLE.com",
    "ALICE@example.com ",
    "\uff41lice@example.com",
)
