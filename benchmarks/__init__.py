"""How fast the generated apps are beside others, in shares of a bare route: ``make bench``."""
