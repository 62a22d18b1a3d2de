"""Who may sign in: names, passwords, the throttle. It uses the sessions, never the other way."""
