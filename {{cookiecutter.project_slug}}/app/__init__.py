"""The application: start reading at ``factory.py``."""
