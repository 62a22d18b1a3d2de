"""A day of an owner: files of an ordinary product, and what it changes in those that were there."""
