"""Small values kept with a session, over HTTP."""

import json

import httpx2
import pytest

from tests.client import PASSWORD, Client
from tests.people import ALICE, BOB

VALUES = "/test/values"


async def put(client: Client, name: str, body: bytes | str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else body.encode()
    headers = {"content-type": "application/json"}
    return await client.put(f"{VALUES}/{name}", content=content, headers=headers)


async def test_values_are_set_read_replaced_and_deleted(client: Client) -> None:
    await client.signed_in()
    assert (await client.get(VALUES)).json() == {}
    for name, value in (("theme", "dark"), ("cart", [1, {"a": None}]), ("theme", "light")):
        assert (await put(client, name, json.dumps(value))).status_code == 204
    response = await client.get(VALUES)
    assert response.json() == {"theme": "light", "cart": [1, {"a": None}]}
    assert response.headers["cache-control"] == "no-store"
    for _ in range(2):
        assert (await client.delete(f"{VALUES}/theme")).status_code == 204
    assert (await client.get(VALUES)).json() == {"cart": [1, {"a": None}]}


async def test_any_json_value_can_be_kept(client: Client) -> None:
    await client.signed_in()
    for value in ("null", "false", "0", '""', "[]", "{}", '"\\u0000"'):
        assert (await put(client, "name", value)).status_code == 204, value
        assert (await client.get(VALUES)).json() == {"name": json.loads(value)}


@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
async def test_only_what_can_be_read_again_can_be_kept(
    client: Client, left: str, right: str
) -> None:
    await client.signed_in()
    deepest = left * 32 + "1" + right * 32
    assert (await put(client, "name", deepest)).status_code == 204
    for levels in (33, 100, 254, 255, 256):
        value = left * levels + "1" + right * levels
        assert (await put(client, "name", value)).status_code == 422, levels
    assert (await client.get(VALUES)).json() == {"name": json.loads(deepest)}


async def test_what_is_not_json_is_refused(client: Client) -> None:
    await client.signed_in()
    bodies = [b"", b"{", b"dark", b"NaN", b"[-Infinity]", b"1e400", b'"\\ud800"', b"\xff"]
    bodies += [b"[" * 30_000, b"9" * 9000]
    for body in bodies:
        assert (await put(client, "name", body)).status_code in (400, 422), body[:20]
    assert (await client.get(VALUES)).json() == {}


async def test_a_form_cannot_send_a_value(client: Client) -> None:
    await client.signed_in()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"content-type": content_type} if content_type else {}
        response = await client.put(f"{VALUES}/name", content=b'"x"', headers=headers)
        assert response.status_code == 422
    assert (await client.get(VALUES)).json() == {}


async def test_an_invalid_name_is_refused(client: Client) -> None:
    await client.signed_in()
    for name in ("a" * 65, "%20", "%00", "%C3%A4", "a%20b"):
        assert (await put(client, name, '"x"')).status_code == 422, name
        assert (await client.delete(f"{VALUES}/{name}")).status_code == 422, name


async def test_too_much_data_is_413_and_loses_nothing(client: Client) -> None:
    await client.signed_in()
    await put(client, "theme", '"dark"')
    response = await put(client, "large", json.dumps("x" * 60_000))
    assert response.status_code == 413
    assert response.json() == {"detail": "The session has no room for this value."}
    assert (await client.get(VALUES)).json() == {"theme": "dark"}


async def test_values_are_gone_with_the_session(client: Client) -> None:
    await client.signed_in()
    await put(client, "theme", '"dark"')
    await client.post("/api/logout")
    assert (await client.get(VALUES)).status_code == 401
    assert (await put(client, "theme", '"dark"')).status_code == 401
    assert (await client.delete(f"{VALUES}/theme")).status_code == 401
    await client.sign_in()
    assert (await client.get(VALUES)).json() == {}


async def test_values_survive_a_password_change(client: Client) -> None:
    await client.signed_in()
    await put(client, "theme", '"dark"')
    body = {"current_password": PASSWORD, "new_password": "quite another set of words"}
    assert (await client.post("/api/password", json=body)).status_code == 204
    assert (await client.get(VALUES)).json() == {"theme": "dark"}


async def test_other_users_do_not_see_values(client: Client, other: Client) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(BOB)
    await put(client, "theme", '"dark"')
    assert (await other.get(VALUES)).json() == {}
