"""HEAD responds wherever GET does, with the same status and headers, and no content."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.web.dependencies import public
from tests.client import Client
from tests.recorder import HEADERS
from tests.routes import http_routes

# What the app's own code writes; middleware of yours may add what it likes.
COMPARED = (
    *HEADERS,
    "allow",
    "cache-control",
    "content-length",
    "content-type",
    "location",
    "vary",
    "www-authenticate",
)


@pytest.mark.parametrize("signed_in", [True, False])
async def test_head_responds_as_get_does(client: Client, signed_in: bool) -> None:
    if signed_in:
        await client.signed_in()
    for method, path in [*http_routes(), ("GET", "/nowhere")]:
        if method == "GET":
            get, head = await client.get(path), await client.head(path)
            assert head.status_code == get.status_code, path
            assert head.content == b"", path
            for name in COMPARED:
                assert head.headers.get(name) == get.headers.get(name), f"{path} {name}"


async def test_head_of_a_path_without_get_names_the_methods_that_it_has(client: Client) -> None:
    response = await client.head("/api/login")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_route_of_yours_may_respond_to_head_itself(client: Client) -> None:
    @client.app.head("/own")
    @public
    async def head() -> Response:
        return Response(headers={"x-own": "head"})

    @client.app.get("/own")
    @public
    async def get() -> StreamingResponse:
        return StreamingResponse(iter(["a", "b"]))

    assert (await client.head("/own")).headers["x-own"] == "head"
    assert (await client.get("/own")).text == "ab"


async def test_a_route_of_an_app_that_is_mounted_may_respond_to_head_itself(client: Client) -> None:
    mounted = FastAPI(openapi_url=None)

    @mounted.head("/{name}")
    @public
    async def head(name: str) -> Response:
        return Response(headers={"x-own": name})

    client.app.mount("/mounted", mounted)
    assert (await client.head("/mounted/own")).headers["x-own"] == "own"


async def test_head_leads_to_where_get_leads_whatever_else_would_take_it(client: Client) -> None:
    @client.app.api_route("/{path:path}", methods=["GET", "HEAD"])
    @public
    async def everything(path: str) -> str:
        return path

    others = Starlette(routes=[Route("/{path:path}", lambda _: Response("other"))])
    client.app.mount("/", public(others))
    for path, status in (("/api/me", 401), ("/test/public", 200), ("/elsewhere", 200)):
        get, head = await client.get(path), await client.head(path)
        assert (get.status_code, head.status_code) == (status, status)
        assert head.headers["content-length"] == get.headers["content-length"]


class NoStarlette:
    """An app of another framework, whose routes are its own."""

    def __init__(self, routes: object) -> None:
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = Response("its own", 405 if scope["method"] == "DELETE" else 200)
        await response(scope, receive, send)


@pytest.mark.parametrize("routes", [[object()], {"/own": object()}, "/own", 5, len])
async def test_an_app_of_any_framework_may_be_mounted(client: Client, routes: object) -> None:
    client.app.mount("/mounted", public(NoStarlette(routes)))
    client.app.mount("/", public(NoStarlette(routes)))
    for path in ("/mounted/own", "/elsewhere"):
        for method, status in (("GET", 200), ("HEAD", 200), ("DELETE", 405)):
            response = await client.request(method, path)
            assert response.status_code == status
            assert response.headers["x-content-type-options"] == "nosniff"
    await client.register()
    assert (await client.sign_in()).status_code == 200


async def test_what_is_streamed_has_no_content_for_head(client: Client) -> None:
    @client.app.get("/stream")
    @public
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter(["a", "b"]), headers={"x-own": "get"})

    response = await client.head("/stream")
    assert (response.headers["x-own"], response.content) == ("get", b"")


@pytest.mark.parametrize("methods", [["GET"], ["GET", "HEAD"]])
async def test_head_of_a_stream_that_never_ends_is_responded_to_at_once(
    client: Client, methods: list[str]
) -> None:
    async def ticks() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "never"

    @client.app.api_route("/ticks", methods=methods)
    @public
    async def tick() -> StreamingResponse:
        return StreamingResponse(ticks(), media_type="text/event-stream")

    response = await asyncio.wait_for(client.head("/ticks"), timeout=60)
    assert response.headers["content-type"].startswith("text/event-stream")
