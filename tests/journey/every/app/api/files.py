import hashlib
from collections.abc import Iterator

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from app.web.dependencies import current_user, public

router = APIRouter(prefix="/files", dependencies=[Depends(current_user)])
open_router = APIRouter(prefix="/files")


@router.put("/{name}", max_body_size=6_000_000)
async def upload(name: str, request: Request) -> dict[str, str | int]:
    size, digest = 0, hashlib.sha256()
    async for chunk in request.stream():
        size += len(chunk)
        digest.update(chunk)
    return {"name": name, "size": size, "sha256": digest.hexdigest()}


@router.get("/export")
def export() -> StreamingResponse:
    def rows() -> Iterator[str]:
        yield "id,title\n"
        for number in range(1000):
            yield f"{number},Note {number}\n"

    return StreamingResponse(rows(), media_type="text/csv")


@open_router.get("/theme")
@public
async def choose_theme(response: Response) -> str:
    response.set_cookie("theme", "dark")
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return "dark"


@open_router.get("/elsewhere")
@public
async def elsewhere() -> RedirectResponse:
    return RedirectResponse("https://example.com/")


@open_router.get("/closed")
@public
async def closed() -> Response:
    return Response("Closed for the night", status_code=503)


@open_router.get("/partners")
@public
async def partners() -> Response:
    return Response("Partners only", status_code=401)
