"""What the owner of the journey changes in files that were there."""

from collections.abc import Mapping
from typing import NamedTuple


class Edit(NamedTuple):
    """A text of a file, and what is written in its place."""

    file: str
    old: str
    new: str


EVERY = [
    Edit(
        "migrations/env.py",
        "from app.models import Base\n",
        "from app.models import Base\nfrom app.notes import models  # noqa: F401\n",
    ),
    Edit("app/models.py", 'ROLES = ("user", ADMIN)', 'ROLES = ("user", "editor", ADMIN)'),
    Edit("app/cli.py", 'Literal["user", "admin"]', 'Literal["user", "editor", "admin"]'),
    Edit(
        "app/cli.py",
        "@cli.command()\ndef purge() -> None:",
        '''@cli.command()
def count_notes() -> None:
    """Print how many notes there are."""
    from app.notes import service
    from app.services import Services

    async def count(services: Services) -> int:
        async with services.database.new_session() as db:
            return await service.count_notes(db)

    say(str(run(count)))


@cli.command()
def purge() -> None:''',
    ),
    Edit(
        "app/config.py",
        "    max_body_bytes: PositiveInt = 65_536\n",
        "    max_body_bytes: PositiveInt = 65_536\n    notes_per_user: PositiveInt = 100\n",
    ),
    Edit(
        "app/main.py",
        "import sys\nimport time\n",
        "import asyncio\nimport logging\nimport sys\nimport time\n",
    ),
    Edit(
        "app/main.py",
        "from collections.abc import AsyncIterator, Callable\n",
        "from collections.abc import AsyncIterator, Awaitable, Callable\n",
    ),
    Edit(
        "app/main.py",
        "from fastapi import FastAPI\n",
        "from fastapi import Depends, FastAPI, Request, Response\n"
        "from fastapi.responses import JSONResponse\n",
    ),
    Edit(
        "app/main.py",
        "from contextlib import asynccontextmanager\n",
        "from contextlib import asynccontextmanager, suppress\n",
    ),
    Edit("app/main.py", "import examples, me,", "import examples, files, me, notes,"),
    Edit(
        "app/main.py",
        "Settings, SettingsError\n",
        "Settings, SettingsError\nfrom app.errors import StoreUnavailable\n",
    ),
    Edit(
        "app/main.py",
        "def create_app(",
        "logger = logging.getLogger(__name__)\n\n\ndef create_app(",
    ),
    Edit(
        "app/main.py",
        "from app.logs import configure_logging\n",
        "from app.logs import configure_logging\nfrom app.notes.service import NotebookFullError\n",
    ),
    Edit(
        "app/main.py",
        "from app.services import Services\n",
        "from app.services import Services\n"
        "from app.v1 import reports\n"
        "from app.v1 import router as v1_router\n",
    ),
    Edit(
        "app/main.py",
        "    app.include_router(examples.router)\n",
        """    app.include_router(examples.router)
    app.include_router(notes.router)
    app.include_router(files.open_router)
    app.include_router(files.router)
    app.include_router(v1_router, prefix="/v1", dependencies=[Depends(current_user)])
    app.mount("/reports", reports)

    @app.middleware("http")
    async def add_process_time_header(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        start_time = time.perf_counter()
        response = await call_next(request)
        response.headers["X-Process-Time"] = str(time.perf_counter() - start_time)
        return response

    @app.exception_handler(NotebookFullError)
    async def notebook_full(_: Request, error: NotebookFullError) -> JSONResponse:
        return JSONResponse(status_code=409, content={"detail": f"{error.limit} notes are enough."})

""",
    ),
    Edit(
        "app/main.py",
        "    refuse_unprotected_routes(app)\n",
        """    refuse_unprotected_routes(app)
    app.state.greeting = "Hello"
    cleaning = asyncio.create_task(clean_up(app.state.services))
""",
    ),
    Edit(
        "app/main.py",
        "def load_app(",
        """async def clean_up(services: Services) -> None:
    while True:
        await asyncio.sleep(3600)
        try:
            await services.delete_expired()
        except StoreUnavailable:
            logger.exception("Cleaning up failed")


def load_app(""",
    ),
]

CANCEL = """    cleaning.cancel()
    with suppress(asyncio.CancelledError):
        await cleaning
"""
# The last line of the lifespan.
END = {
    "email": "    await services.close()\n",
    "username": "    await app.state.services.close()\n",
}

HTML = [
    Edit(
        "app/templates/base.html",
        "      {% block navigation %}\n",
        '      {% block navigation %}\n      <a href="/notebook">Notebook</a>\n',
    ),
    Edit(
        "app/main.py",
        "from app.pages import account, admin, auth, links, well_known\n",
        "from app.pages import account, admin, auth, links, well_known\n"
        "from app.pages import notes as note_pages\n",
    ),
    Edit(
        "app/main.py",
        "    app.include_router(notes.router)\n",
        "    app.include_router(notes.router)\n    app.include_router(note_pages.router)\n",
    ),
    Edit(
        "app/main.py",
        "from app.web.dependencies import public\n",
        "from app.web.dependencies import current_user, public\n",
    ),
]

API = [
    Edit(
        "app/main.py",
        "from app.web.errors import add_error_handlers\n",
        "from app.web.dependencies import current_user\n"
        "from app.web.errors import add_error_handlers\n",
    ),
]


def of(answers: Mapping[str, str]) -> list[Edit]:
    """Return the edits of a project with some answers."""
    end = END[answers["identity"]]
    frontend = HTML if answers["frontend"] == "html" else API
    return [*EVERY, *frontend, Edit("app/main.py", end, CANCEL + end)]
