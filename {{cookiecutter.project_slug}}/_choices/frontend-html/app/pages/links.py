"""The pages that links lead to.

Opening one changes nothing, since mail scanners open links as well. The token goes from the address
into a cookie at once, so that it is in no history, no Referer and no screenshot (promise 67).
"""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from app.pages.cookies import attributes, get_cookie
from app.pages.forms import FormField, account_form_again
from app.pages.redirects import see_other
from app.pages.templating import page
from app.users.errors import InvalidLink, PasswordRejected
from app.users.links import RESET_SECONDS
from app.web.dependencies import CurrentRequestSession, Recovery, public

# What a page shows because of the cookie, no cache may show to somebody else.
NO_STORE = {"Cache-Control": "no-store"}

# What a token is made of. A cookie can hold no text beyond it.
_TOKEN = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)

TokenQuery = Annotated[str, Query(alias="token", max_length=1024)]

router = APIRouter(include_in_schema=False)


@router.get("/reset")
@public
async def reset_page(request: Request, recovery: Recovery, token: TokenQuery = "") -> Response:
    """Ask for a new password."""
    if token:
        return keep_token(request, token)
    user = await recovery.check_link(kept_token(request))
    return page(request, "reset.html", headers=NO_STORE, owner=user)


@router.post("/reset")
@public
async def reset(
    request: Request,
    recovery: Recovery,
    request_session: CurrentRequestSession,
    new_password: FormField = "",
    owner_id: Annotated[int | None, Form()] = None,
) -> Response:
    """Set the new password."""
    token = kept_token(request)
    # Somebody else's link may have been opened since this form was shown.
    if owner_id is not None and owner_id != (await recovery.check_link(token)).id:
        raise InvalidLink
    try:
        await recovery.reset_password(token, new_password, request_session.client)
    except PasswordRejected as error:
        owner = await recovery.check_link(token)
        return account_form_again(request, "reset.html", error, new="new_password", owner=owner)
    changed = "Your password has been changed. You can sign in with it now."
    return forget_token(request, see_other(request, "/login", flash=changed))


def keep_token(request: Request, token: str) -> Response:
    """Continue at the same page without the token in its address. Raises InvalidLink."""
    if not _TOKEN.fullmatch(token):
        raise InvalidLink
    response = RedirectResponse(request.url.path, status_code=303, headers=NO_STORE)
    response.set_cookie(value=token, max_age=RESET_SECONDS, **attributes(request, "link"))
    return response


def kept_token(request: Request) -> str:
    """Return the token of the link that led here. Raises InvalidLink when there was none."""
    token = get_cookie(request, "link")
    if not token:
        raise InvalidLink
    return token


def forget_token(request: Request, response: Response) -> Response:
    """Let a response delete a token that was used."""
    response.delete_cookie(**attributes(request, "link"))
    return response
