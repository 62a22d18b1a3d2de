"""A front end of one's own: on the same host, or on another site."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from tests.client import ORIGIN
from tests.conftest import Start
from tests.people import ALICE, FIELD
from tests.provider import SETTINGS, Provider, Visitor, connect, error_of

FRONT = "https://front.example"


async def start_for(
    start: Start, provider: Provider, samesite: str, public_url: str = ORIGIN
) -> Visitor:
    app = await start(
        oidc_providers=SETTINGS,
        public_url=public_url,
        session_samesite=samesite,
        trusted_origins=FRONT,
    )
    connect(app, provider)
    return Visitor(app, provider)


async def post_answer(visitor: Visitor, answer: Mapping[str, Any]) -> httpx2.Response:
    headers = {"origin": FRONT, "sec-fetch-site": "cross-site"}
    return await visitor.post("/api/login/corp/callback", json=answer, headers=headers)


@pytest.mark.parametrize("samesite", ["lax", "strict", "none"])
async def test_a_front_end_on_another_site_passes_the_answer_on(
    start: Start, provider: Provider, samesite: str
) -> None:
    visitor = await start_for(start, provider, samesite, FRONT)
    await visitor.signed_in()
    url = await visitor.leave("/api/identities", "/settings")
    assert "redirect_uri=https%3A%2F%2Ffront.example%2Flogin%2Fcorp%2Fcallback" in url
    response = await post_answer(visitor, provider.authorize(url))
    assert (response.status_code, response.json()) == (200, {"next": "/settings"})
    await visitor.post("/api/logout")
    answer = provider.authorize(await visitor.leave())
    response = await post_answer(visitor, answer)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == FRONT
    assert (await visitor.get("/api/me")).json()[FIELD] == ALICE
    assert (await post_answer(visitor, answer)).status_code == 403


async def test_a_code_may_be_long(start: Start, provider: Provider) -> None:
    visitor = await start_for(start, provider, "lax", FRONT)
    await visitor.signed_in()
    answer = provider.authorize(await visitor.leave("/api/identities"))
    asked = provider.codes.pop(answer["code"])
    answer["code"] = "M" * 8_192
    provider.codes[answer["code"]] = asked
    too_long = {**answer, "code": answer["code"] + "M"}
    assert (await post_answer(visitor, too_long)).status_code == 422
    assert (await post_answer(visitor, answer)).status_code == 200


async def test_a_page_of_any_other_site_passes_on_nothing(start: Start, provider: Provider) -> None:
    visitor = await start_for(start, provider, "lax")
    answer = provider.authorize(await visitor.leave())
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        response = await visitor.post("/api/login/corp/callback", json=answer, headers=headers)
        assert response.status_code == 403
    assert provider.asked("/token") == 0


async def test_a_strict_cookie_is_fetched_before_the_answer_is_taken(
    start: Start, provider: Provider
) -> None:
    visitor = await start_for(start, provider, "strict")
    await visitor.signed_in()
    url = await visitor.leave("/api/identities")
    answer = {**provider.authorize(url), "iss": 'a"><script>'}
    path = str(httpx2.URL("/login/corp/callback", params=answer))
    response = await visitor.get(path, headers={"sec-fetch-site": "cross-site"})
    assert response.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/login/corp/callback?code=' in response.text
    assert "<script>" not in response.text
    assert response.headers["cache-control"] == "no-store"
    assert provider.asked("/token") == 0
    answer.pop("iss")
    path = str(httpx2.URL("/login/corp/callback", params=answer))
    response = await visitor.get(path, headers={"sec-fetch-site": "same-origin"})
    assert error_of(response) == ""
    assert len((await visitor.get("/api/identities")).json()) == 1


async def test_the_front_end_is_told_why_nobody_was_signed_in(
    start: Start, provider: Provider
) -> None:
    visitor = await start_for(start, provider, "lax", FRONT)
    response = await visitor.sign_in_there(error="access_denied")
    assert response.headers["location"] == f"{FRONT}/login?error=cancelled"
    response = await visitor.get("/login/corp/callback")
    assert response.headers["location"] == f"{FRONT}/login?error=failed"


async def test_a_path_leads_to_the_front_end_and_nowhere_else(
    start: Start, provider: Provider
) -> None:
    visitor = await start_for(start, provider, "lax", FRONT)
    await visitor.signed_in()
    await visitor.link()
    response = await visitor.come_back(await visitor.leave(next_path="/a?b=c#d"))
    assert response.headers["location"] == f"{FRONT}/a?b=c#d"
    too_long = f"/{'a' * 1024}"
    elsewhere = ("//evil.example", "/\\evil.example", "https://evil.example")
    for path in ("a", "/\n", "/é", too_long, *elsewhere):
        response = await visitor.post("/api/login/corp", json={"next": path})
        assert response.status_code == 422
#{% if cookiecutter.identity == "username" %}


async def test_the_front_end_asks_for_a_name(start: Start, provider: Provider) -> None:
    visitor = await start_for(start, provider, "lax", FRONT)
    response = await visitor.sign_in_there()
    assert response.headers["location"] == f"{FRONT}/register?provider=corp"
    response = await post_answer(visitor, provider.authorize(await visitor.leave()))
    assert response.status_code == 409
    response = await visitor.post("/api/register/corp", json={FIELD: ALICE})
    assert response.status_code == 201
    assert (await visitor.get("/api/me")).json() == response.json()
#{% endif %}
