"""What everything is measured against: FastAPI as its documentation teaches it, without a session.

A router that is included, and on it a route with one dependency and a response model.
ROUTE: its path. BODY: the JSON object that it answers with.
"""

import json
import os
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel, create_model

BODY: dict[str, Any] = json.loads(os.environ["BODY"])
fields: dict[str, Any] = {name: (type(value), ...) for name, value in BODY.items()}
Body = create_model("Body", **fields)

router = APIRouter()


async def get_body() -> BaseModel:
    return Body(**BODY)


@router.get(os.environ["ROUTE"], response_model=Body)
async def answer(body: Annotated[BaseModel, Depends(get_body)]) -> BaseModel:
    return body


app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
app.include_router(router)
