"""A page with a form of the owner's."""

from tests.client import Client

HTML = {"accept": "text/html"}


async def test_a_note_is_written_in_a_form(client: Client) -> None:
    response = await client.get("/notebook", headers=HTML)
    assert response.headers["location"] == "/login?next=/notebook"
    await client.signed_in()
    form = {"title": "Milk <b>", "text": "Two litres", "urgent": "true"}
    response = await client.post("/notebook", data=form, headers=HTML)
    assert (response.status_code, response.headers["location"]) == (303, "/notebook")
    shown = (await client.get("/notebook", headers=HTML)).text
    assert "Your note has been saved." in shown
    assert "Milk &lt;b&gt;" in shown
    assert ">urgent<" in shown
    assert "has been saved" not in (await client.get("/notebook", headers=HTML)).text


async def test_a_form_that_is_wrong_keeps_what_was_typed(client: Client) -> None:
    await client.signed_in()
    form = {"title": "", "text": "Two litres", "color": "yellow"}
    response = await client.post("/notebook", data=form, headers=HTML)
    assert response.status_code == 422
    assert "Fill in this field." in response.text
    assert "Two litres" in response.text
    assert 'value="yellow" selected' in response.text


async def test_the_navigation_leads_to_the_notebook(client: Client) -> None:
    await client.signed_in()
    assert 'href="/notebook"' in (await client.get("/", headers=HTML)).text
