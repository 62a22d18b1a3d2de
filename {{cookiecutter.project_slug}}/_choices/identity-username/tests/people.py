"""Whom the tests are about."""

# What people sign in with, as the API and the forms call it.
FIELD = "username"

ALICE, BOB, CAROL, DAVE = "alice", "bob", "carol", "dave"

# Other ways of typing who Alice is.
SPELLINGS = ("Alice", " alice", "ALICE ", "\uff41\uff4c\uff49\uff43\uff45")
