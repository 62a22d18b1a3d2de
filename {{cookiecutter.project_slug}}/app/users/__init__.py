"""Accounts: user names, passwords and rate limits. They use the sessions, never the other way."""
