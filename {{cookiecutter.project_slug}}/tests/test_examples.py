"""The examples in ``app/api/examples.py``. Delete this file with them."""

#{% if cookiecutter.frontend == "html" %}
from app.api import examples
from app.models import MAX_ID
from app.web.dependencies import CurrentUser
from tests.client import Client
#{% else %}
from app.models import MAX_ID
from tests.client import Client
#{% endif %}
from tests.people import ALICE, BOB, CAROL, DAVE, FIELD

PATHS = ("/api/data", "/api/admin/users", "/api/session/data")


async def test_without_a_session_only_the_public_example_responds(client: Client) -> None:
    response = await client.get("/api/public")
    assert response.json() == {"message": "Hello! Everybody can see this."}
    for path in PATHS:
        assert (await client.get(path)).status_code == 401, path


async def test_a_signed_in_user_sees_the_protected_example(client: Client) -> None:
    await client.signed_in()
    assert ALICE in (await client.get("/api/data")).json()["message"]
    assert (await client.get("/api/admin/users")).status_code == 403


async def test_an_administrator_lists_the_accounts(client: Client, other: Client) -> None:
    await other.signed_in(ALICE)
    await client.signed_in(DAVE, role="admin")
    assert (await client.get("/api/admin/users")).json() == [
        {"id": 1, FIELD: ALICE, "role": "user"},
        {"id": 2, FIELD: DAVE, "role": "admin"},
    ]


async def test_accounts_are_listed_in_pages(client: Client) -> None:
    for name in (ALICE, BOB, CAROL):
        await client.signed_in(name)
    await client.signed_in(DAVE, role="admin")
    page = await client.get("/api/admin/users", params={"after": 1, "limit": 2})
    assert [user[FIELD] for user in page.json()] == [BOB, CAROL]
    for wrong in ({"limit": 101}, {"limit": 0}, {"after": -1}, {"after": MAX_ID + 1}):
        assert (await client.get("/api/admin/users", params=wrong)).status_code == 422


async def test_values_can_be_kept_with_the_session(client: Client) -> None:
    await client.signed_in()
    response = await client.put("/api/session/data/cart", json=["apples", 3])
    assert response.status_code == 204
    assert (await client.get("/api/session/data")).json() == {"cart": ["apples", 3]}
    assert (await client.delete("/api/session/data/cart")).status_code == 204
    assert (await client.get("/api/session/data")).json() == {}
#{% if cookiecutter.frontend == "html" %}


async def test_a_page_of_yours_for_any_path_takes_sign_in_away_from_nobody(
    client: Client, other: Client
) -> None:
    routes = client.app.router.routes

    @client.app.api_route("/{path:path}", methods=["GET", "POST"])
    async def show(path: str, _: CurrentUser) -> str:
        return path

    own = routes.pop()
    among = [getattr(each, "original_router", None) for each in routes]
    routes.insert(among.index(examples.router) + 1, own)
    for path in ("/login", "/register"):
        assert (await other.get(path)).status_code == 200
    await client.signed_in()
    for path in ("/", "/notes"):
        assert (await client.get(path)).json() == path[1:]
    await client.post("/logout")
    assert not await client.is_signed_in()
#{% endif %}
