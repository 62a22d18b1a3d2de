"""An attacker sends what no browser would: what is malformed or huge."""

import json
from typing import Any

import cbor2
import pytest

from tests.authenticator import Json, Key, decode, encode
from tests.client import Client
from tests.people_with_passkeys import Person, with_passkey


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


MALFORMED: dict[str, Json] = {
    "nothing": {},
    "no response": {"id": "x", "rawId": "x", "type": "public-key"},
    "wrong types": {"id": 1, "rawId": [], "type": None, "response": "x"},
    "an empty response": {"id": "eA", "rawId": "eA", "type": "public-key", "response": {}},
    "deep": {"id": "eA", "rawId": "eA", "type": "public-key", "response": {"x": deep(200)}},
    "not ASCII": {
        "id": "é\ud800",
        "rawId": "é",
        "type": "public-key",
        "response": {
            "clientDataJSON": "é",
            "authenticatorData": "é",
            "attestationObject": "é",
            "signature": "é",
            "userHandle": "é",
        },
    },
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_bodies_are_refused(client: Client, body: Json) -> None:
    await with_passkey(client)
    for path in ("/api/login/passkey", "/api/passkeys", "/api/confirm"):
        answer = await client.post(path, content=json.dumps(body).encode(), headers=JSON)
        assert answer.status_code in (401, 403, 422), path


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'"x"', b"[" * 9_000, b'{"type":1,"challenge":1,"origin":1}', b"\xff"]
)
async def test_what_is_inside_may_be_anything(client: Client, content: bytes) -> None:
    alice = await with_passkey(client)
    for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        shown = alice.device.get(await alice.options("/api/login/passkey"))
        shown["response"][name] = encode(content)
        assert (await client.post("/api/login/passkey", json=shown)).status_code == 401, name
    for name in ("clientDataJSON", "attestationObject"):
        made = alice.device.create(await alice.options("/api/passkeys"))
        made["response"][name] = encode(content)
        assert (await client.post("/api/passkeys", json=made)).status_code == 403, name


@pytest.mark.parametrize("kind", ["packed", "fido-u2f", "tpm", "apple", "android-key", "else"])
async def test_what_is_said_of_the_authenticator_is_not_read(client: Client, kind: str) -> None:
    alice = Person(await client.signed_in())
    made = alice.device.create(await alice.options("/api/passkeys"))
    told = cbor2.loads(decode(made["response"]["attestationObject"]))
    told |= {"fmt": kind, "attStmt": {"alg": -7, "sig": b"x", "x5c": [b"a stranger's"]}}
    made["response"]["attestationObject"] = encode(cbor2.dumps(told))
    assert (await client.post("/api/passkeys", json=made)).status_code == 201


async def test_huge_parts_are_refused(client: Client) -> None:
    alice = Person(await client.signed_in())
    key = Key("localhost", "", id=b"x" * 1024)
    options = await alice.options("/api/passkeys")
    answer = await client.post("/api/passkeys", json=alice.device.create(options, key))
    assert answer.status_code == 403
    answer = await client.post("/api/passkeys", json={"id": "x" * 70_000})
    assert answer.status_code == 413
    answer = await alice.add(name="x" * 65)
    assert answer.status_code == 422
