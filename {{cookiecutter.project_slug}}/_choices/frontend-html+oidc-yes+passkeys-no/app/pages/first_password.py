"""The form for a first password, on the account page."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.pages.account import AccountDetails
from app.pages.forms import FormField, account_form_again
from app.pages.redirects import see_other
from app.users.errors import AccountError
from app.users.first_password import set_first_password
from app.web.dependencies import CurrentAuth, FreshUser, Users

router = APIRouter(include_in_schema=False)


@router.post("/account/password")
async def set_password(
    request: Request,
    _: FreshUser,
    auth: CurrentAuth,
    users: Users,
    details: AccountDetails,
    new_password: FormField = "",
) -> Response:
    """Set the password of an account that has none."""
    try:
        await set_first_password(users, auth, new_password)
    except AccountError as error:
        names = {"current": "new_password", "new": "new_password"}
        return account_form_again(request, "account.html", error, **names, **details)
    changed = "You have a password now. You have been signed out everywhere else."
    return see_other(request, "/account", flash=changed)
