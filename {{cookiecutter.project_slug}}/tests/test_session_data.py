"""Small values kept with a session, over HTTP."""

import json

import httpx2
import pytest

from tests.browser import Browser

DATA = "/api/session/data"


async def put(browser: Browser, name: str, body: bytes | str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else body.encode()
    headers = {"content-type": "application/json"}
    return await browser.put(f"{DATA}/{name}", content=content, headers=headers)


async def test_values_are_put_read_replaced_and_deleted(browser: Browser) -> None:
    await browser.signed_in()
    assert (await browser.get(DATA)).json() == {}
    for name, value in (("theme", "dark"), ("cart", [1, {"a": None}]), ("theme", "light")):
        assert (await put(browser, name, json.dumps(value))).status_code == 204
    response = await browser.get(DATA)
    assert response.json() == {"theme": "light", "cart": [1, {"a": None}]}
    assert response.headers["cache-control"] == "no-store"
    for _ in range(2):
        assert (await browser.delete(f"{DATA}/theme")).status_code == 204
    assert (await browser.get(DATA)).json() == {"cart": [1, {"a": None}]}


@pytest.mark.parametrize("value", ["null", "false", "0", '""', "[]", "{}", '"\\u0000"', "1e400"])
async def test_any_json_value_is_one(browser: Browser, value: str) -> None:
    await browser.signed_in()
    response = await put(browser, "name", value)
    if value == "1e400":
        assert response.status_code == 422
    else:
        assert response.status_code == 204
        assert (await browser.get(DATA)).json() == {"name": json.loads(value)}


@pytest.mark.parametrize("levels", [32, 33, 100, 254, 255, 256])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
async def test_what_was_kept_can_be_read_however_deep(
    browser: Browser, levels: int, left: str, right: str
) -> None:
    await browser.signed_in()
    response = await put(browser, "name", left * levels + "1" + right * levels)
    assert response.status_code == (204 if levels <= 32 else 422)
    assert (await browser.get(DATA)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"dark", b"NaN", b"[-Infinity]", b'"\\ud800"', b"\xff", b"[" * 30_000, b"9" * 9000],
    ids=lambda body: ascii(body[:20]),
)
async def test_what_is_no_json_value_is_refused(browser: Browser, body: bytes) -> None:
    await browser.signed_in()
    assert (await put(browser, "name", body)).status_code in (400, 422)
    assert (await browser.get(DATA)).json() == {}


async def test_a_form_cannot_send_one(browser: Browser) -> None:
    await browser.signed_in()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"content-type": content_type} if content_type else {}
        response = await browser.put(f"{DATA}/name", content=b'"x"', headers=headers)
        assert response.status_code == 422
    assert (await browser.get(DATA)).json() == {}


@pytest.mark.parametrize("name", ["a" * 65, "%20", "%00", "%C3%A4", "a%20b"])
async def test_a_name_that_cannot_be_one_is_refused(browser: Browser, name: str) -> None:
    await browser.signed_in()
    assert (await put(browser, name, '"x"')).status_code == 422
    assert (await browser.delete(f"{DATA}/{name}")).status_code == 422


async def test_what_is_too_much_is_said_and_loses_nothing(browser: Browser) -> None:
    await browser.signed_in()
    await put(browser, "theme", '"dark"')
    response = await put(browser, "large", json.dumps("x" * 60_000))
    assert response.status_code == 413
    assert response.json() == {"detail": "The session has no room for this value."}
    assert (await browser.get(DATA)).json() == {"theme": "dark"}


async def test_they_are_gone_with_the_session(browser: Browser) -> None:
    await browser.signed_in()
    await put(browser, "theme", '"dark"')
    await browser.post("/api/logout")
    assert (await browser.get(DATA)).status_code == 401
    assert (await put(browser, "theme", '"dark"')).status_code == 401
    assert (await browser.delete(f"{DATA}/theme")).status_code == 401
    await browser.sign_in()
    assert (await browser.get(DATA)).json() == {}


async def test_they_outlive_a_change_of_the_password(browser: Browser) -> None:
    await browser.signed_in()
    await put(browser, "theme", '"dark"')
    body = {
        "current_password": "correct horse battery staple",
        "new_password": "quite another set of words",
    }
    assert (await browser.post("/api/password", json=body)).status_code == 204
    assert (await browser.get(DATA)).json() == {"theme": "dark"}


async def test_nobody_else_sees_them(browser: Browser, other: Browser) -> None:
    await browser.signed_in("alice")
    await other.signed_in("bob")
    await put(browser, "theme", '"dark"')
    assert (await other.get(DATA)).json() == {}
