"""Front ends on other sites."""

from tests.client import Client
from tests.conftest import Start

FRONT_END = "https://front.example"
CORS = "access-control-allow-origin"


async def test_no_other_site_may_read_answers_unless_it_is_named(
    start: Start, client: Client
) -> None:
    headers = {"origin": FRONT_END, "sec-fetch-site": "cross-site"}
    assert CORS not in (await client.get("/api/public", headers=headers)).headers
    preflight = {**headers, "access-control-request-method": "POST"}
    assert CORS not in (await client.options("/api/login", headers=preflight)).headers

    named = Client(await start(trusted_origins=FRONT_END))
    response = await named.get("/api/me", headers=headers)
    assert response.status_code == 401
    assert response.headers[CORS] == FRONT_END
    assert response.headers["access-control-allow-credentials"] == "true"
    response = await named.options("/api/login", headers=preflight)
    assert (response.status_code, response.headers[CORS]) == (200, FRONT_END)

    for stranger in (FRONT_END + ".evil.example", "http://front.example", "null"):
        headers["origin"] = preflight["origin"] = stranger
        assert CORS not in (await named.get("/api/me", headers=headers)).headers
        assert CORS not in (await named.options("/api/login", headers=preflight)).headers


async def test_a_named_front_end_signs_in_and_reads(start: Start) -> None:
    app = await start(trusted_origins=FRONT_END, session_samesite="none")
    client = Client(app)
    await client.register()
    client.headers.update({"origin": FRONT_END, "sec-fetch-site": "cross-site"})
    response = await client.sign_in()
    assert response.headers[CORS] == FRONT_END
    assert response.headers["set-cookie"].endswith("; Secure; SameSite=None")
    response = await client.get("/api/me")
    assert response.status_code == 200
    assert {"Cookie", "Origin"} <= {each.strip() for each in response.headers["vary"].split(",")}
