"""The page of a registration."""

from tests.client import PASSWORD, Client
from tests.people import ALICE, FIELD, SPELLINGS
from tests.test_pages import Page, submit


async def test_a_person_registers_and_signs_in(client: Client) -> None:
    fields = {FIELD: ALICE, "password": PASSWORD}
    response = await submit(client, "/register", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert Page(await client.get("/login")).flash
    response = await submit(client, "/login", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/")


async def test_a_taken_name_is_told_beside_its_field(client: Client) -> None:
    await client.register(ALICE)
    response = await submit(client, "/register", **{FIELD: SPELLINGS[0], "password": PASSWORD})
    assert response.status_code == 409
    page = Page(response)
    assert "is taken" in page.texts[f"{FIELD}-error"]
    assert page.elements[FIELD]["value"] == SPELLINGS[0]
