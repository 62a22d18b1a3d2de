"""The recording of a terminal that README.md shows."""

import json
from xml.etree import ElementTree

from tests.answers import PROMPTS
from tests.project import REPOSITORY
from tools import record
from tools.record import Event

SVG = "{http://www.w3.org/2000/svg}"


def test_lines_begin_when_their_first_letter_was_seen() -> None:
    events = [Event(0, "$ make\r\n"), Event(1, "\x1b[1mName\x1b[0m ("), Event(2, "app): \r\n")]
    assert record.lines_of(events) == [Event(0, "$ make"), Event(0, "Name (app): "), Event(2, "")]


def test_what_was_seen_is_shown_as_text_at_its_time() -> None:
    picture = ElementTree.fromstring(record.draw([Event(0, "$ a < b & c"), Event(1.5, "done")]))
    texts = {each.text: each.attrib["style"] for each in picture.iter(f"{SVG}text")}
    assert texts == {"$ a < b & c": "animation-delay:0.00s", "done": "animation-delay:1.50s"}


def test_a_long_recording_ends_with_its_last_lines() -> None:
    lines = [Event(number, f"line {number}") for number in range(record.ROWS + 10)]
    assert f"100% {{ transform: translateY({-10 * record.HEIGHT}px) }}" in record.draw(lines)


def test_the_recording_is_of_all_questions_and_can_be_played() -> None:
    header, *rows = (REPOSITORY / "docs" / "pictures" / "terminal.cast").read_text().splitlines()
    assert json.loads(header)["version"] == 2
    events = [Event(at, text) for at, _, text in map(json.loads, rows)]
    assert sorted(each.at for each in events) == [each.at for each in events]
    seen = "\n".join(each.text for each in record.lines_of(events))
    assert f"[{PROMPTS}/{PROMPTS}]" in seen
    assert "Your app is in my-fastapi-app." in seen
    picture = (REPOSITORY / "docs" / "pictures" / "terminal.svg").read_text("utf-8")
    assert picture == record.draw(record.lines_of(events))
