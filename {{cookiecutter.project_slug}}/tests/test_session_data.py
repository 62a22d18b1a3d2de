"""Small values kept with a session, over HTTP."""

import json

import httpx2
import pytest

from tests.client import Client

DATA = "/api/session/data"


async def put(client: Client, name: str, body: bytes | str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else body.encode()
    headers = {"content-type": "application/json"}
    return await client.put(f"{DATA}/{name}", content=content, headers=headers)


async def test_values_are_put_read_replaced_and_deleted(client: Client) -> None:
    await client.signed_in()
    assert (await client.get(DATA)).json() == {}
    for name, value in (("theme", "dark"), ("cart", [1, {"a": None}]), ("theme", "light")):
        assert (await put(client, name, json.dumps(value))).status_code == 204
    response = await client.get(DATA)
    assert response.json() == {"theme": "light", "cart": [1, {"a": None}]}
    assert response.headers["cache-control"] == "no-store"
    for _ in range(2):
        assert (await client.delete(f"{DATA}/theme")).status_code == 204
    assert (await client.get(DATA)).json() == {"cart": [1, {"a": None}]}


@pytest.mark.parametrize("value", ["null", "false", "0", '""', "[]", "{}", '"\\u0000"', "1e400"])
async def test_any_json_value_is_one(client: Client, value: str) -> None:
    await client.signed_in()
    response = await put(client, "name", value)
    if value == "1e400":
        assert response.status_code == 422
    else:
        assert response.status_code == 204
        assert (await client.get(DATA)).json() == {"name": json.loads(value)}


@pytest.mark.parametrize("levels", [32, 33, 100, 254, 255, 256])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
async def test_what_was_kept_can_be_read_however_deep(
    client: Client, levels: int, left: str, right: str
) -> None:
    await client.signed_in()
    response = await put(client, "name", left * levels + "1" + right * levels)
    assert response.status_code == (204 if levels <= 32 else 422)
    assert (await client.get(DATA)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"dark", b"NaN", b"[-Infinity]", b'"\\ud800"', b"\xff", b"[" * 30_000, b"9" * 9000],
    ids=lambda body: ascii(body[:20]),
)
async def test_what_is_no_json_value_is_refused(client: Client, body: bytes) -> None:
    await client.signed_in()
    assert (await put(client, "name", body)).status_code in (400, 422)
    assert (await client.get(DATA)).json() == {}


async def test_a_form_cannot_send_one(client: Client) -> None:
    await client.signed_in()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"content-type": content_type} if content_type else {}
        response = await client.put(f"{DATA}/name", content=b'"x"', headers=headers)
        assert response.status_code == 422
    assert (await client.get(DATA)).json() == {}


@pytest.mark.parametrize("name", ["a" * 65, "%20", "%00", "%C3%A4", "a%20b"])
async def test_a_name_that_cannot_be_one_is_refused(client: Client, name: str) -> None:
    await client.signed_in()
    assert (await put(client, name, '"x"')).status_code == 422
    assert (await client.delete(f"{DATA}/{name}")).status_code == 422


async def test_what_is_too_much_is_said_and_loses_nothing(client: Client) -> None:
    await client.signed_in()
    await put(client, "theme", '"dark"')
    response = await put(client, "large", json.dumps("x" * 60_000))
    assert response.status_code == 413
    assert response.json() == {"detail": "The session has no room for this value."}
    assert (await client.get(DATA)).json() == {"theme": "dark"}


async def test_they_are_gone_with_the_session(client: Client) -> None:
    await client.signed_in()
    await put(client, "theme", '"dark"')
    await client.post("/api/logout")
    assert (await client.get(DATA)).status_code == 401
    assert (await put(client, "theme", '"dark"')).status_code == 401
    assert (await client.delete(f"{DATA}/theme")).status_code == 401
    await client.sign_in()
    assert (await client.get(DATA)).json() == {}


async def test_they_outlive_a_change_of_the_password(client: Client) -> None:
    await client.signed_in()
    await put(client, "theme", '"dark"')
    body = {
        "current_password": "correct horse battery staple",
        "new_password": "quite another set of words",
    }
    assert (await client.post("/api/password", json=body)).status_code == 204
    assert (await client.get(DATA)).json() == {"theme": "dark"}


async def test_nobody_else_sees_them(client: Client, other: Client) -> None:
    await client.signed_in("alice")
    await other.signed_in("bob")
    await put(client, "theme", '"dark"')
    assert (await other.get(DATA)).json() == {}
