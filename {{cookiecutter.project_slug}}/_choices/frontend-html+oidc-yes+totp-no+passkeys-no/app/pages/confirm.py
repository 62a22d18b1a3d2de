"""The page on which users prove again who they are: with their password, or at a provider."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages.forms import FormField, NextField, NextQuery, account_form_again
from app.pages.oidc import ways_to_confirm
from app.pages.redirects import HOME, next_page, see_other
from app.pages.templating import page
from app.users.errors import AccountError
from app.web.dependencies import CurrentAuth, CurrentUser, Users

router = APIRouter(include_in_schema=False)


@router.get("/confirm")
async def confirm_page(request: Request, _: CurrentUser, next_path: NextQuery = HOME) -> Response:
    """Ask once more who somebody is."""
    return await confirm_form(request, next_page(request, next_path))


@router.post("/confirm")
async def confirm(
    request: Request,
    auth: CurrentAuth,
    users: Users,
    password: FormField = "",
    next_path: NextField = HOME,
) -> Response:
    """Confirm the password, and continue to what requires it."""
    next_path = next_page(request, next_path)
    try:
        await users.confirm_password(auth, password)
    except AccountError as error:
        return account_form_again(request, "confirm.html", error, next=next_path)
    return see_other(request, next_path)


async def confirm_form(request: Request, next_path: str, *, status: int = 200) -> Response:
    """Ask for the password, or send whoever has none to a provider."""
    ways = await ways_to_confirm(request)
    template = "confirm_provider.html" if ways else "confirm.html"
    return page(request, template, status_code=status, next=next_path, ways=ways)
