"""``make attack``: what it plays, what it says, and whom it never attacks."""

import socket
from ipaddress import ip_address

import pytest

from tests.attack import BROKEN, HELD, NO_TARGET, PROMISE, find, play
from tests.attacks.stories import Story, Target, all_stories
from tests.test_security_page import PAGE


def test_every_story_is_about_a_promise_and_says_what_is_tried() -> None:
    promises = dict(PROMISE.findall(PAGE))
    stories = list(all_stories())
    assert len(stories) > 20
    assert len({story.name for story in stories}) == len(stories)
    for story in stories:
        assert str(story.promise) in promises, story.name
        assert story.tried.endswith("."), story.name


async def test_what_got_through_is_told(target: Target) -> None:
    async def ask(_: Target) -> None:
        target.expect(await target.browser().get("/api/me"), 401, 200)

    async def get_through(_: Target) -> None:
        target.expect(await target.browser().get("/api/me"), 403)

    async def lie(_: Target) -> None:
        target.hold(target.alice == target.mallory, "everybody is the same")

    said = [await play(Story("", 1, each), target) for each in (ask, get_through, lie)]
    assert said == [
        (HELD, "401 Unauthorized"),
        (BROKEN, "GET /api/me was answered with 401 Unauthorized, not 403"),
        (BROKEN, "it is not so that everybody is the same"),
    ]


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("http://192.0.2.1", ["192.0.2.1"]),
        ("http://shop.example:8000", ["192.0.2.1"]),
        # A name server may say anything of a name.
        ("http://localhost:8000", ["127.0.0.1", "192.0.2.1"]),
        ("http://localhost@192.0.2.1", ["192.0.2.1"]),
        ("http://0.0.0.0:8000", ["0.0.0.0"]),
        ("http://[::ffff:192.0.2.1]", ["::ffff:192.0.2.1"]),
        ("https://localhost:8000", ["127.0.0.1"]),
        ("localhost:8000", ["127.0.0.1"]),
        ("http://localhost:x", ["127.0.0.1"]),
        ("", ["127.0.0.1"]),
    ],
)
def test_nothing_but_an_app_on_this_machine_is_ever_contacted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    leads_to: list[str],
) -> None:
    kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
    found = [(kinds[ip_address(ip).version], 1, 6, "", (ip, 80)) for ip in leads_to]
    connected: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: connected.append(url))
    with pytest.raises(SystemExit) as refused, find(url):
        pass
    assert refused.value.code == NO_TARGET
    assert capsys.readouterr().err.count("\n") == 1
    assert connected == []
