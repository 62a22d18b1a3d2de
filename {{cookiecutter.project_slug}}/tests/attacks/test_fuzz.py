"""An attacker sends anything at all: what holds for every input.

Hypothesis looks for the input; the same ones each time, so that a red test means a change.
"""

from typing import Any
#{% if cookiecutter.frontend == "html" %}
from urllib.parse import urljoin, urlsplit
#{% endif %}

from hypothesis import example, given, settings
from hypothesis import strategies as st
from itsdangerous.encoding import base64_encode

from app.config import PROJECT, Settings, SettingsError
#{% if cookiecutter.frontend == "html" %}
from app.pages.redirects import HOME, safe_next
#{% endif %}
from app.sessions.cookie import SessionCookie
from app.sessions.token import SessionTokens
from app.users.errors import InvalidName
from app.users.names import MAX_CHARACTERS, normalise
from tests.attacks.test_cross_site import error
from tests.client import COOKIE, ORIGIN
from tests.conftest import KEY
from tests.test_token import generate

always = settings(max_examples=100, deadline=None, derandomize=True)

NAME = COOKIE.encode()
TOKEN = generate(KEY)
TOKENS = SessionTokens([KEY])

# What can stand in a header.
BYTES = st.characters(max_codepoint=255)

# What UTF-8 can hold. Hypothesis' own default is the same, and takes seconds to find that out.
TEXT = st.characters(exclude_categories=["Cs"])

# What Cookie headers are made of, and what might be taken for it.
crumbs = st.sampled_from(
    [NAME, b"=", b";", b"; ", b" ", b"\t", b"\xa0", b"\x85", b"\0", b'"', b",", TOKEN.encode()]
)
headers = st.lists(crumbs | st.binary(max_size=6), max_size=12).map(b"".join)

# What tokens are made of: 32 bytes, or 81.
parts = (st.binary(min_size=32, max_size=32) | st.binary(min_size=81, max_size=81)).map(
    lambda part: base64_encode(part).decode()
)


@always
@given(header=headers)
def test_a_cookie_is_read_under_its_exact_name_only(header: bytes) -> None:
    found = SessionCookie(PROJECT["slug"], secure=True, samesite="lax").read([(b"cookie", header)])
    pairs = [pair[1:] if pair.startswith(b" ") else pair for pair in header.split(b";")]
    exact = [pair[len(NAME) + 1 :] for pair in pairs if pair.startswith(NAME + b"=")]
    assert [value.encode("latin-1") for value in found] == exact


@always
@given(text=st.text(TEXT, max_size=100) | st.lists(parts, min_size=2, max_size=3).map(".".join))
def test_no_text_is_a_valid_token(text: str) -> None:
    assert TOKENS.verify(text) is None


@always
@given(place=st.integers(0, len(TOKEN)), length=st.integers(0, 4), text=st.text(TEXT, max_size=4))
@example(place=0, length=0, text="")
def test_no_changed_token_is_valid(place: int, length: int, text: str) -> None:
    changed = TOKEN[:place] + text + TOKEN[place + length :]
    assert (TOKENS.verify(changed) is None) == (changed != TOKEN)


#{% if cookiecutter.frontend == "html" %}
@always
@given(
    address=st.text("/\\.:@%?#\t\n \0aehtpsx2f5c", max_size=20)
    | st.text(TEXT, max_size=20)
    | st.text(TEXT, max_size=20).map("/".__add__)
)
def test_next_always_leads_to_this_site(address: str) -> None:
    checked = safe_next(address)
    assert checked in (address, HOME)
    # As browsers read it: they drop tabs and line breaks, and take a backslash for a slash.
    read = checked.translate({9: None, 10: None, 13: None, 92: "/"})
    parts = urlsplit(urljoin(f"{ORIGIN}/login", read))
    assert f"{parts.scheme}://{parts.netloc}" == ORIGIN


#{% endif %}
@always
@given(
    origin=st.text(BYTES, max_size=40)
    | st.from_regex(r"(https?://)?[a-z.]{0,10}localhost[a-z.:0-9@/]{0,10}", fullmatch=True),
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "CONNECT", "post", "X"]),
)
def test_no_other_origin_may_change_anything(origin: str, method: str) -> None:
    reason = error(method, [], [origin])
    assert (reason is None) == (origin == ORIGIN)


@always
@given(
    site=st.text(BYTES, min_size=1, max_size=20),
    origin=st.none() | st.text(BYTES, max_size=20) | st.just(ORIGIN),
)
def test_sec_fetch_site_is_taken_literally(site: str, origin: str | None) -> None:
    reason = error("POST", [site], [origin] if origin else [])
    assert (reason is None) == (site in ("same-origin", "none"))


@always
@given(name=st.text(TEXT, max_size=70))
def test_a_user_name_has_one_spelling(name: str) -> None:
    try:
        spelled = normalise(name)
    except InvalidName:
        return
    assert normalise(spelled) == normalise(f" {name.upper()} ".casefold()) == spelled
    assert 0 < len(spelled) <= MAX_CHARACTERS
    assert spelled.isprintable()


@always
@given(
    name=st.sampled_from(sorted(Settings.model_fields)),
    value=st.text(TEXT, max_size=60) | st.integers() | st.lists(st.text(TEXT), max_size=3),
)
def test_a_setting_is_accepted_or_refused_with_a_sentence(name: str, value: Any) -> None:
    values: dict[str, Any] = {"secret_keys": KEY, name: value}
    sentences = ""
    try:
        Settings.load(**values)
    except SettingsError as error:
        sentences = str(error)
    # Where the cookie's policy does not go together with another setting, the policy is named.
    named = {line.partition(": ")[0].lower() for line in sentences.splitlines()}
    assert named <= {name, "session_samesite"}
    if name == "secret_keys" and isinstance(value, str):
        assert len(value) < 5 or value not in sentences
