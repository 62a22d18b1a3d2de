"""Forms of yours: the macros that they are made of, and a form that is shown again."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Self

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from jinja2 import ChoiceLoader, DictLoader
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from app.pages.forms import FormField, field_errors, form_again
from app.pages.redirects import see_other
from app.pages.templating import TEMPLATES, page
from app.web.dependencies import CurrentUser
from tests.client import Client
from tests.people import ALICE
from tests.test_pages import Page, submit

HOSTILE = "\"'><script>alert(1)</script>"

every_macro = pytest.mark.parametrize(
    "macro", ["text", "number", "textarea", "select", "checkbox", "password"]
)

NOTE = """
{% extends "base.html" %}
{% from "fields.html" import checkbox, number, password, select, text, textarea %}
{% block title %}Note{% endblock %}
{% block main %}
<form method="post" action="/test/note">
  {% print text("title", "Title", errors, title|default(""), autofocus=true) %}
  {% print number("priority", "Priority", errors, priority|default("")) %}
  {% print textarea("text", "Text", errors, "Some.", hint="A few words.") %}
  {% print select("color", "Color", errors, {"w": "White", "y": "Yellow"}, "y") %}
  {% print checkbox("urgent", "Urgent", errors, true) %}
  {% print password("secret", "Secret", errors) %}
  <button>Save</button>
</form>
{% endblock %}
"""


def render(macro: str, **arguments: Any) -> Page:
    """Return what a macro of ``fields.html`` makes of its arguments."""
    defaults: dict[str, Any] = {"name": "field", "label": "Label", "errors": {}}
    if macro == "select":
        defaults["options"] = {arguments.get("value", ""): "Chosen", "other": "Not"}
    call = getattr(TEMPLATES.env.get_template("fields.html").module, macro)
    return Page(httpx2.Response(200, html=call(**{**defaults, **arguments})))


@every_macro
def test_a_field_has_a_label_and_says_nothing_else(macro: str) -> None:
    page = render(macro)
    assert page.elements["field"]["name"] == "field"
    assert '<label for="field">Label</label>' in page.html
    assert not {"aria-describedby", "aria-invalid", "autofocus"} & {*page.elements["field"]}


@every_macro
def test_a_field_is_described_by_its_hint_and_its_error(macro: str) -> None:
    page = render(macro, hint="A hint.", errors={"field": "An error.", "other": "Another."})
    field = page.elements["field"]
    described = str(field["aria-describedby"]).split()
    assert [page.texts[name] for name in described] == ["An error.", "A hint."]
    assert field["aria-invalid"] == "true"
    assert "autofocus" in field
    page = render(macro, hint="A hint.", errors={"other": "Another."})
    assert page.elements["field"]["aria-describedby"] == "field-hint"
    assert "aria-invalid" not in page.elements["field"]
    assert "Another." not in page.html


@every_macro
def test_only_the_first_wrong_field_has_the_focus(macro: str) -> None:
    for names, focused in ((["field", "b"], True), (["b", "field"], False), (["b"], False)):
        errors = dict.fromkeys(names, "Wrong.")
        field = render(macro, autofocus=True, errors=errors).elements["field"]
        assert ("autofocus" in field) == focused, names
    assert "autofocus" in render(macro, autofocus=True).elements["field"]


@every_macro
def test_everything_in_a_field_is_escaped(macro: str) -> None:
    texts = dict.fromkeys(("label", "value", "hint", "title"), HOSTILE)
    page = render(macro, errors={"field": HOSTILE}, **texts)
    assert "<script" not in page.html
    assert page.elements["field"]["title"] == HOSTILE
    assert page.texts["field-hint"] == page.texts["field-error"] == HOSTILE


@every_macro
def test_further_arguments_are_attributes_of_the_field(macro: str) -> None:
    given = {"required": True, "disabled": False, "hidden": None, "tabindex": 0, "class": "c"}
    field = render(macro, aria_label="Of all", **given).elements["field"]
    assert field["required"] is None
    assert not {"disabled", "hidden"} & {*field}
    assert (field["tabindex"], field["aria-label"], field["class"]) == ("0", "Of all", "c")


@pytest.mark.parametrize("value", ["two\nlines", "\n first", HOSTILE, 0, "", None])
def test_a_value_is_shown_as_it_was_typed(value: object) -> None:
    typed = "" if value is None else str(value)
    for macro in ("text", "number"):
        assert render(macro, value=value).elements["field"]["value"] == typed
    # HTML drops the first line break of a textarea.
    assert render("textarea", value=value).texts.get("field") == f"\n{typed}"


def test_a_field_has_the_type_that_it_is_given() -> None:
    assert render("text", type="email").elements["field"]["type"] == "email"
    assert render("number").elements["field"]["type"] == "number"
    assert render("checkbox").elements["field"]["type"] == "checkbox"


def test_a_select_shows_which_option_is_chosen() -> None:
    # A form sends text, whatever the values were.
    for value in (2, "2"):
        page = render("select", value=value, options={1: "One", 2: "Two <b>"})
        options = re.findall(r'<option value="(\d)"( selected)? ?>([^<]*)</option>', page.html)
        assert options == [("1", "", "One"), ("2", " selected", "Two &lt;b&gt;")]


def test_a_checkbox_is_ticked_or_not() -> None:
    for value in (True, False):
        field = render("checkbox", value=value).elements["field"]
        assert (field["value"], "checked" in field) == ("true", value)


def test_a_password_is_never_shown_whatever_is_passed() -> None:
    page = render("password", value="correct horse", errors={"field": "Wrong."})
    assert "correct horse" not in page.html
    assert page.elements["field"]["type"] == "password"


class Note(BaseModel):
    title: str = Field(min_length=1)
    priority: int = Field(ge=0)

    @model_validator(mode="after")
    def fits(self) -> Self:
        if self.priority > len(self.title):
            raise ValueError("Such a short title is not that <urgent>.")
        return self


@pytest.fixture
def client(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client of an app with a form of its owner's."""
    loaders = [DictLoader({"note.html": NOTE}), TEMPLATES.env.loader]
    monkeypatch.setattr(TEMPLATES.env, "loader", ChoiceLoader([each for each in loaders if each]))

    @app.get("/test/note")
    async def show(request: Request) -> Response:
        return page(request, "note.html")

    @app.post("/test/note")
    async def save(request: Request, title: FormField = "", priority: FormField = "") -> Response:
        try:
            note = Note.model_validate({"title": title, "priority": priority})
        except ValidationError as error:
            typed = {"title": title, "priority": priority}
            return form_again(request, "note.html", field_errors(error), **typed)
        return see_other(request, "/test/note", flash=f"{note.title} has been saved.")

    return Client(app)


async def test_a_form_of_yours_is_shown_again_with_what_was_typed_and_each_error(
    client: Client,
) -> None:
    response = await submit(client, "/test/note", title="Milk", priority="-1")
    assert response.status_code == 422
    assert "<title>Error: Note" in response.text
    page = Page(response)
    assert page.elements["title"]["value"] == "Milk"
    assert "aria-invalid" not in page.elements["title"]
    assert page.texts["priority-error"] == "Enter 0 or more."
    assert "autofocus" in page.elements["priority"]

    page = Page(await submit(client, "/test/note"))
    assert "alert" not in page.texts
    assert {"title-error", "priority-error"} <= {*page.texts}
    assert [name for name, each in page.elements.items() if "autofocus" in each] == ["title"]


async def test_an_error_of_the_whole_form_stands_above_it(client: Client) -> None:
    response = await submit(client, "/test/note", title="Milk", priority="5")
    assert response.status_code == 422
    page = Page(response)
    assert page.texts["alert"] == "Such a short title is not that <urgent>."
    assert "<urgent>" not in page.html
    assert page.html.index('role="alert"') < page.html.index('<form method="post" action="/test')
    assert page.elements["title"]["value"] == "Milk"
    assert not any("aria-invalid" in each for each in page.elements.values())


def not_monday(day: date) -> date:
    if day.weekday() == 0:
        raise ValueError("We are closed on Mondays")
    return day


class Order(BaseModel):
    count: int = Field(default=1, ge=1, le=9)
    price: Decimal = Decimal(1)
    weight: float = 1
    day: Annotated[date, AfterValidator(not_monday)] = date(2027, 1, 1)
    start: datetime = datetime(2027, 1, 1, tzinfo=UTC)
    at: time = time(8)
    name: str = Field(default="Al", min_length=2, max_length=3)
    code: str = Field(default="AB", pattern="[A-Z]{2}")


@pytest.mark.parametrize(
    ("field", "typed", "text"),
    [
        *((name, "", "Fill in this field.") for name in Order.model_fields),
        ("count", "two", "Enter a whole number."),
        ("count", "1.5", "Enter a whole number."),
        ("price", "cheap", "Enter a number."),
        ("weight", "heavy", "Enter a number."),
        ("day", "tomorrow", "Enter a date."),
        ("day", "2027-01-04", "We are closed on Mondays."),
        ("start", "soon", "Enter a date and a time."),
        ("at", "noon", "Enter a time."),
        ("count", "10", "Enter 9 or less."),
        ("count", "0", "Enter 1 or more."),
        ("name", "A", "Enter at least 2 characters."),
        ("name", "Anna", "Enter at most 3 characters."),
        ("code", "12", "String should match pattern '[A-Z]{2}'."),
    ],
)
def test_people_are_told_in_plain_words_what_is_wrong(field: str, typed: str, text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate({field: typed})
    assert field_errors(caught.value) == {field: text}


def test_a_field_that_was_not_sent_is_to_be_filled_in() -> None:
    with pytest.raises(ValidationError) as caught:
        Note.model_validate({"title": "Milk"})
    assert field_errors(caught.value) == {"priority": "Fill in this field."}


async def test_a_form_of_yours_says_that_it_was_successful(client: Client) -> None:
    response = await submit(client, "/test/note", title="Milk", priority="1")
    assert response.status_code == 303
    page = Page(await client.get("/test/note"))
    assert page.flash == "Milk has been saved."
    assert "autofocus" in page.elements["title"]
    assert not any("aria-invalid" in each for each in page.elements.values())


async def test_a_page_about_somebody_still_says_who_is_signed_in(client: Client) -> None:
    @client.app.get("/test/somebody")
    async def show(request: Request, _: CurrentUser) -> Response:
        return page(request, "base.html", user="Carol", relative_time="soon")

    await client.signed_in()
    assert f"<bdi>{ALICE}</bdi>" in (await client.get("/test/somebody")).text
