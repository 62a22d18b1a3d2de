"""The vault: cookie, ticket, store and the service in front of them.

It knows of no password, page or route. ``service.Sessions`` is the only door for the rest.
"""
