"""A pytest plugin for a generated project: keeps each page that its tests see, once.

A file a page, in the folder that PAGES names; its name begins with that of the template.
"""

import functools
import hashlib
import os
from pathlib import Path
from typing import Any

from starlette.templating import Jinja2Templates

FOLDER = Path(os.environ["PAGES"])

respond = Jinja2Templates.TemplateResponse


@functools.wraps(respond)
def keep(self: Any, request: Any, name: str, *arguments: Any, **named: Any) -> Any:
    """Write what is responded."""
    response = respond(self, request, name, *arguments, **named)
    digest = hashlib.sha256(response.body).hexdigest()[:16]
    (FOLDER / f"{Path(name).stem}-{digest}.html").write_bytes(response.body)
    return response


Jinja2Templates.TemplateResponse = keep
