"""The hooks of the template, as modules."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment

from tests.project import REPOSITORY


def load(hook: str, answers: Mapping[str, str]) -> dict[str, Any]:
    """Return what a hook defines, rendered with these answers and not run."""
    text = (REPOSITORY / "hooks" / f"{hook}.py").read_text("utf-8")
    rendered = Environment(autoescape=False).from_string(text).render(cookiecutter=answers)
    defined: dict[str, Any] = {"__name__": hook}
    exec(compile(rendered, hook, "exec"), defined)
    return defined
