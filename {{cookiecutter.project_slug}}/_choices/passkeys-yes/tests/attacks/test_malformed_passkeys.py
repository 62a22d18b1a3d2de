"""An attacker sends what no browser would: what is malformed or huge."""

import json
import re
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


PATTERN = "(?i)[a-z\xe9]+"
AS_PATTERN = cbor2.dumps(cbor2.CBORTag(35, PATTERN))
TAGS = [cbor2.dumps(cbor2.CBORTag(tag, "2026-11-28")) for tag in (0, 2, 37, 99_999)]
LARGE = cbor2.dumps({"credProtect": "x" * 4_000})
# A key that is longer here than it is once the library has written it anew: what it would look at
# next begins in the key, and would be a pattern of all that follows.
FOLLOWING = b"\x61a" * 300
LONG_KEY = b"\x5b" + (30).to_bytes(8) + b"x" * 23 + b"\xd8\x23\x79\x02\x5aaa" + FOLLOWING

# The beginning of a key that the library takes for one of four parts, though it says three (some
# authenticators write it so), and in the fourth, what is a pattern for the library alone.
IN_FOURTH = b"\x82" + AS_PATTERN + cbor2.dumps(b"x" * 300)
REPAIRED_KEY = (
    bytes.fromhex("a301634f4b500327206745643235353139")
    + b"\x5b"
    + (23).to_bytes(8)
    + b"x" * 15
    + b"\x59"
    + (5 + len(IN_FOURTH)).to_bytes(2)
    + b"x" * 5
    + IN_FOURTH
)


def with_extension(data: bytes, extension: bytes) -> bytes:
    """Return authenticator data that says that an extension follows, and this after it."""
    return data[:32] + bytes([data[32] | 0x80]) + data[33:] + extension


@pytest.fixture
def patterns(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note of what regular expressions are made."""
    made, compile_pattern = [], re.compile

    def compile_and_note(pattern: str, *flags: Any) -> re.Pattern[str]:
        made.append(pattern)
        return compile_pattern(pattern, *flags)

    monkeypatch.setattr("re.compile", compile_and_note)
    return made


@pytest.mark.parametrize("extension", [AS_PATTERN, *TAGS, b"\x1f", LARGE])
async def test_a_passkey_whose_extensions_are_nothing_that_browsers_send_is_refused(
    client: Client, patterns: list[str], extension: bytes
) -> None:
    alice = await with_passkey(client)
    shown = alice.device.get(await alice.options("/api/login/passkey"))
    data = with_extension(decode(shown["response"]["authenticatorData"]), extension)
    shown["response"]["authenticatorData"] = encode(data)
    assert (await client.post("/api/login/passkey", json=shown)).status_code == 401
    made = alice.device.create(await alice.options("/api/passkeys"))
    told = cbor2.loads(decode(made["response"]["attestationObject"]))
    told["authData"] = with_extension(told["authData"], extension)
    made["response"]["attestationObject"] = encode(cbor2.dumps(told))
    assert (await client.post("/api/passkeys", json=made)).status_code == 403
    assert PATTERN not in patterns


async def test_a_new_passkey_may_have_an_extension(client: Client) -> None:
    alice = Person(await client.signed_in())
    made = alice.device.create(await alice.options("/api/passkeys"))
    told = cbor2.loads(decode(made["response"]["attestationObject"]))
    told["authData"] = with_extension(told["authData"], cbor2.dumps({"credProtect": 2}))
    made["response"]["attestationObject"] = encode(cbor2.dumps(told))
    assert (await client.post("/api/passkeys", json=made)).status_code == 201


async def test_no_pattern_is_made_of_what_is_said_of_the_authenticator(
    client: Client, patterns: list[str]
) -> None:
    alice = Person(await client.signed_in())
    made = alice.device.create(await alice.options("/api/passkeys"))
    told = cbor2.loads(decode(made["response"]["attestationObject"]))
    told["attStmt"] = cbor2.CBORTag(35, PATTERN)
    made["response"]["attestationObject"] = encode(cbor2.dumps(told))
    assert (await client.post("/api/passkeys", json=made)).status_code == 403
    assert PATTERN not in patterns


@pytest.mark.parametrize("key", [LONG_KEY, REPAIRED_KEY])
async def test_no_pattern_hides_in_a_key(client: Client, patterns: list[str], key: bytes) -> None:
    alice = Person(await client.signed_in())
    made = alice.device.create(await alice.options("/api/passkeys"))
    told = cbor2.loads(decode(made["response"]["attestationObject"]))
    data = told["authData"]
    told["authData"] = with_extension(data[: 55 + int.from_bytes(data[53:55])], key)
    made["response"]["attestationObject"] = encode(cbor2.dumps(told))
    assert (await client.post("/api/passkeys", json=made)).status_code == 403
    assert not any("a" * 9 in pattern or pattern == PATTERN for pattern in patterns)


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
