"""Which modules a Python file imports, and which way the imports of a generated app may go."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import resolve_name

# From the top of the generated app down: a module imports from the floors below its own, and from
# its own package. Packages on one floor are kept apart, except on the floors in OPEN.
FLOORS = (
    "main provider_calls cli import_sqlite terminal __main__",
    "api pages",
    "web",
    "services",
    "users",
    "email",
    "sessions",
    "models database database_url engine fast_lookup request_limit redis redis_connection "
    "config redis_url env_file mail_settings oidc_settings origins processors logs project "
    "security_log errors turns urls user_agent __init__",
)
OPEN = (0, len(FLOORS) - 1)
# Packages that may import a module of their own floor.
SIDEWAYS = {("pages", "app.api.schemas")}

_FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}


@cache
def imports(text: str, module: str) -> frozenset[str]:
    """Return the full names of what a module imports, wherever and in whatever form it does.

    ``from package import name`` gives ``package.name``, whether that is a module or not. module:
    its full name, which ends in ``.__init__`` for a package.
    """
    return frozenset(_imports(ast.parse(text), module.rpartition(".")[0]))


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                base = resolve_name("." * level + (source or ""), package)
                yield from (f"{base}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="__import__" | "import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield resolve_name(name, package)


def upward(texts: Mapping[str, str]) -> list[str]:
    """Return the imports of an app that go up or sideways: "app/sessions/cookie.py: app.web".

    texts: its files, by their paths in the project.
    """
    found = []
    for file, text in sorted(texts.items()):
        if file.startswith("app/") and file.endswith(".py"):
            module = file.removesuffix(".py").replace("/", ".")
            names = sorted(name for name in imports(text, module) if _is_of_the_app(name))
            found += [f"{file}: {name}" for name in names if not _may_import(module, name, texts)]
    return found


def _is_of_the_app(name: str) -> bool:
    return name.partition(".")[0] == "app"


def _may_import(module: str, name: str, texts: Mapping[str, str]) -> bool:
    if name in ("app", "app.*"):
        # It would give everything, up as well as down.
        return False
    importing, imported = module.split(".")[1], name.split(".")[1]
    if not any(file.startswith((f"app/{imported}.py", f"app/{imported}/")) for file in texts):
        # A name that app/__init__.py defines.
        imported = "__init__"
    if importing == imported or (importing, ".".join(name.split(".")[:3])) in SIDEWAYS:
        return True
    if not {importing, imported} <= _FLOOR_OF.keys():
        # It has no place in FLOORS yet.
        return False
    above, below = _FLOOR_OF[importing], _FLOOR_OF[imported]
    return above < below or (above == below and above in OPEN)
