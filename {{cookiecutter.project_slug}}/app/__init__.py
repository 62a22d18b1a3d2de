"""The application. ``main.py`` puts it together: start reading there."""
