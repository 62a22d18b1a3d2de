"""Links from other sites, with each SameSite."""

import pytest

from tests.client import Client
from tests.conftest import Start
from tests.people import ALICE

FOLLOWED = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
}


# The last as long as the codes of some providers are.
PATHS = ["/", "/account", "/login?next=/account", "/?q=a%20b&c=%C3%A9", f"/?code={'a' * 4000}"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:20])
async def test_a_link_is_opened_again_so_that_the_browser_sends_a_strict_cookie(
    start: Start, path: str
) -> None:
    client = await Client(await start(session_samesite="strict")).signed_in()
    response = await client.get(path, headers=FOLLOWED)
    assert response.status_code == 200
    address = path.replace("&", "&amp;")
    assert f'<meta http-equiv="refresh" content="0; url={address}">' in response.text
    assert ALICE not in response.text
    assert response.headers["cache-control"] == "no-store"
    again = await client.get(path, headers={**FOLLOWED, "sec-fetch-site": "same-origin"})
    assert again.status_code == (303 if path.startswith("/login") else 200)
    assert "http-equiv" not in again.text


@pytest.mark.parametrize("samesite", ["lax", "none"])
async def test_a_lax_or_none_cookie_comes_with_a_link(start: Start, samesite: str) -> None:
    client = await Client(await start(session_samesite=samesite)).signed_in()
    assert ALICE in (await client.get("/", headers=FOLLOWED)).text


@pytest.mark.parametrize("path", ["//evil.example/", "/%2fevil.example", "/\\evil.example"])
async def test_a_link_is_opened_again_only_in_this_app(start: Start, path: str) -> None:
    client = Client(await start(session_samesite="strict"))
    response = await client.get(f"https://localhost{path}", headers=FOLLOWED)
    assert 'content="0; url=/"' in response.text


async def test_the_address_of_a_link_is_escaped(start: Start) -> None:
    client = Client(await start(session_samesite="strict"))
    response = await client.get('/?a="><script>&b=;url=//evil.example', headers=FOLLOWED)
    [refresh] = [line for line in response.text.splitlines() if "http-equiv" in line]
    assert "<script>" not in response.text
    assert refresh.count('"') == 4
    assert 'content="0; url=/?a=' in refresh
