"""Front ends on other sites."""

import pytest

from app.web.dependencies import public
from tests.client import Client
from tests.conftest import Start

FRONT_END = "https://front.example"
CORS = "access-control-allow-origin"
CROSS_SITE = {"origin": FRONT_END, "sec-fetch-site": "cross-site"}


async def test_no_other_site_may_read_responses_unless_it_is_trusted(
    start: Start, client: Client
) -> None:
    preflight = {**CROSS_SITE, "access-control-request-method": "POST"}
    assert CORS not in (await client.get("/test/public", headers=CROSS_SITE)).headers
    assert CORS not in (await client.options("/api/login", headers=preflight)).headers

    trusting = Client(await start(trusted_origins=FRONT_END))
    response = await trusting.get("/api/me", headers=CROSS_SITE)
    assert response.status_code == 401
    assert response.headers[CORS] == FRONT_END
    assert response.headers["access-control-allow-credentials"] == "true"
    response = await trusting.options("/api/login", headers=preflight)
    assert (response.status_code, response.headers[CORS]) == (200, FRONT_END)

    for stranger in (FRONT_END + ".evil.example", "http://front.example", "null"):
        other = {"origin": stranger}
        response = await trusting.get("/api/me", headers=CROSS_SITE | other)
        assert CORS not in response.headers
        response = await trusting.options("/api/login", headers=preflight | other)
        assert CORS not in response.headers


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_trusted_front_end_may_use_any_method_and_header(start: Start, method: str) -> None:
    client = Client(await start(trusted_origins=FRONT_END))
    wanted = {
        "access-control-request-method": method,
        "access-control-request-headers": "content-type, x-request-id",
    }
    response = await client.options("/test/values/theme", headers=CROSS_SITE | wanted)
    assert response.status_code == 200
    assert method in response.headers["access-control-allow-methods"]
    assert "x-request-id" in response.headers["access-control-allow-headers"]


async def test_a_trusted_front_end_signs_in_and_reads(start: Start) -> None:
    client = Client(await start(trusted_origins=FRONT_END, session_samesite="none"))
    await client.register()
    client.headers.update(CROSS_SITE)
    response = await client.sign_in()
    assert response.headers[CORS] == FRONT_END
    assert response.headers["set-cookie"].endswith("; Secure; SameSite=None; Partitioned")
    response = await client.get("/api/me")
    assert response.status_code == 200
    assert {"Cookie", "Origin"} <= {each.strip() for each in response.headers["vary"].split(",")}


async def test_a_trusted_front_end_reads_that_something_went_wrong(start: Start) -> None:
    client = Client(await start(trusted_origins=FRONT_END))

    @client.app.get("/broken")
    @public
    async def fail() -> None:
        raise ZeroDivisionError

    response = await client.get("/broken", headers=CROSS_SITE)
    assert (response.status_code, response.headers[CORS]) == (500, FRONT_END)
    assert response.headers["access-control-allow-credentials"] == "true"
    stranger = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert CORS not in (await client.get("/broken", headers=stranger)).headers


CHROMIUM = {"sec-ch-ua": '"Chromium";v="156"'}


@pytest.mark.parametrize(
    ("partitioned", "sent", "status"),
    [
        (False, CHROMIUM | {"sec-fetch-storage-access": "none"}, 403),
        (False, CHROMIUM | {"sec-fetch-storage-access": "active"}, 200),
        (True, CHROMIUM | {"sec-fetch-storage-access": "none"}, 200),
        # Firefox, which keeps the cookie for each site.
        (False, {"sec-fetch-storage-access": "none"}, 200),
    ],
)
async def test_a_sign_in_whose_cookie_the_browser_would_drop_is_refused_with_the_reason(
    start: Start, partitioned: bool, sent: dict[str, str], status: int
) -> None:
    app = await start(
        trusted_origins=FRONT_END, session_samesite="none", session_partitioned=partitioned
    )
    client = Client(app)
    await client.register()
    client.headers.update(CROSS_SITE | sent)
    responses = [await client.sign_in()]
    #{% if cookiecutter.passkeys %}
    responses.append(await client.post("/api/login/passkey/options"))
    #{% endif %}
    for response in responses:
        assert response.status_code == status
        assert ("SESSION_PARTITIONED" in response.text) == (status == 403)
        assert ("set-cookie" in response.headers) == (status == 200)
        assert response.headers[CORS] == FRONT_END
