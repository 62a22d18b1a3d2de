"""The app's commands: ``python -m app --help``."""

from app.cli import main

main()
