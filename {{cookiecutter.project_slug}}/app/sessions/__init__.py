"""Cookie, token, store, and the service in front of them.

Nothing here knows of passwords, pages or routes. The rest of the app uses ``SessionService``.
"""
