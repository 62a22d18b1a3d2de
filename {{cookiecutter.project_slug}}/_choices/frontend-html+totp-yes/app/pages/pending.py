"""A sign-in between password and code: it is no session, and opens nothing but the next step.

It is kept in a cookie of its own, signed for this purpose, and good for five minutes. Without
JavaScript there is nothing else in which a browser could keep it, and no row has to be cleaned up.
"""

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from app.pages.cookies import attributes, get_signed, set_signed
from app.pages.redirects import by_way_of_login, see_other
from app.sessions.session import Amr, SignIn

MAX_AGE_SECONDS = 300


class Pending(NamedTuple):
    """Whose password was right, and where they want to go.

    It is void once they have another password, since then their session version is another.
    """

    sign_in: SignIn
    remember: bool
    next_path: str


def ask_for_code(request: Request, pending: Pending) -> Response:
    """Continue with the page that asks for a code."""
    response = see_other(request, by_way_of_login(request, "/login/code"))
    values = [[*pending.sign_in], pending.remember, pending.next_path]
    set_signed(request, response, "sign-in", values, MAX_AGE_SECONDS)
    return response


def get_pending(request: Request) -> Pending | None:
    """Return the sign-in that was begun in this browser."""
    values = get_signed(request, "sign-in", MAX_AGE_SECONDS)
    if values is None:
        return None
    fields, remember, next_path = values
    sign_in = SignIn(*fields)
    return Pending(sign_in._replace(amr=Amr(sign_in.amr)), remember, next_path)


def forget_pending(request: Request, response: Response) -> Response:
    """Let a response delete one that leads nowhere any more."""
    response.delete_cookie(**attributes(request, "sign-in"))
    return response
