"""The commands of ``python -m app``, for operators. They use what the web uses, and no route."""
