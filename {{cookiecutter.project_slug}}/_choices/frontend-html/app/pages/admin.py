"""The pages for administrators: find an account, close or open it, sign it out, let it back in.

They do what the commands of ``python -m app`` do, by the same services.
"""

import unicodedata
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from sqlalchemy import select
from starlette.responses import Response

from app import security_log
from app.api.schemas import Text
from app.models import MAX_ID, User
from app.pages.redirects import see_other
from app.pages.templating import page
from app.web.dependencies import AdminUser, DbSession, FreshUser, Recovery, Users

USERS_ON_A_PAGE = 50

router = APIRouter(prefix="/admin/users", include_in_schema=False)


async def shown_account(
    _: AdminUser, __: FreshUser, db: DbSession, user_id: Annotated[int, Path(ge=0, le=MAX_ID)]
) -> User:
    """Return the account that a page is about, to an administrator whose session is fresh."""
    account = await db.get(User, user_id)
    if account is None:
        raise HTTPException(404)
    return account


async def changed_account(
    account: Annotated[User, Depends(shown_account)], admin: AdminUser
) -> AsyncIterator[User]:
    """Yield the account that is to be changed, and let the security log name who does it."""
    if account.id == admin.id:
        raise HTTPException(403, "This is your own account: ask another administrator.")
    token = security_log.administrator.set(admin.id)
    try:
        yield account
    finally:
        security_log.administrator.reset(token)


ShownAccount = Annotated[User, Depends(shown_account)]
ChangedAccount = Annotated[User, Depends(changed_account)]


@router.get("")
async def list_users(
    request: Request,
    _: AdminUser,
    db: DbSession,
    search: Annotated[Text, Query(alias="q")] = "",
    after: Annotated[int, Query(ge=0, le=MAX_ID)] = 0,
) -> Response:
    """List the accounts whose names contain a text. after: the last id of the page before."""
    folded = unicodedata.normalize("NFKC", search).casefold().strip()
    found = await db.scalars(
        select(User)
        .where(User.id > after, User.name.contains(folded, autoescape=True))
        .order_by(User.id)
        .limit(USERS_ON_A_PAGE + 1)
    )
    accounts = found.all()
    return page(
        request,
        "users.html",
        accounts=accounts[:USERS_ON_A_PAGE],
        more=len(accounts) > USERS_ON_A_PAGE,
        search=search,
        after=after,
    )


@router.get("/{user_id}")
async def show_user(request: Request, account: ShownAccount) -> Response:
    """Show an account, and what can be done with it."""
    return page(request, "user.html", account=account)


@router.post("/{user_id}/disable")
async def disable(request: Request, account: ChangedAccount, users: Users) -> Response:
    """Close an account."""
    await users.disable(account.name)
    return _done(request, account, "The account is disabled, and signed out everywhere.")


@router.post("/{user_id}/enable")
async def enable(request: Request, account: ChangedAccount, users: Users) -> Response:
    """Open an account again."""
    await users.enable(account.name)
    return _done(request, account, "The account is enabled.")


@router.post("/{user_id}/end-sessions")
async def end_sessions(request: Request, account: ChangedAccount, users: Users) -> Response:
    """Sign somebody out everywhere."""
    await users.end_sessions(account.name)
    return _done(request, account, "The account is signed out everywhere.")


@router.post("/{user_id}/reset-link")
async def reset_link(request: Request, account: ChangedAccount, recovery: Recovery) -> Response:
    """Show a link to choose a new password: now, and never again."""
    link = await recovery.reset_link(account.name)
    return page(request, "user.html", account=account, link=link)


def _done(request: Request, account: User, flash: str) -> Response:
    return see_other(request, f"/admin/users/{account.id}", flash=flash)
