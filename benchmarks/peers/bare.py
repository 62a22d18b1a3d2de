"""What everything is measured against: FastAPI routes that answer with given bodies, and no more.

BODIES: a JSON object, the body of each path.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, create_model

app = FastAPI()


def answer_with(body: dict[str, Any]) -> tuple[type[BaseModel], Callable[[], Awaitable[BaseModel]]]:
    """Return a model of a body, and a route that answers with one."""
    fields: dict[str, Any] = {name: (type(value), ...) for name, value in body.items()}
    model = create_model("Body", **fields)

    async def route() -> BaseModel:
        return model(**body)

    return model, route


for path, body in json.loads(os.environ["BODIES"]).items():
    model, route = answer_with(body)
    app.get(path, response_model=model)(route)
