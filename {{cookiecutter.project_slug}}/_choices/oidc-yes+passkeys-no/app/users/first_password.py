"""The password of an account that began at a provider, and so has none."""

from app.users.errors import AccountError
from app.users.service import AuthContext, UserService
from app.users.ways_in import has_password


class HasPassword(AccountError):
    """A first password is set once."""

    status, text = 409, "You already have a password. Change it instead."


async def set_first_password(users: UserService, auth: AuthContext, new: str) -> None:
    """Set the password of a user who has none. Other sessions end.

    Raises PasswordRejected, HasPassword or SessionEnded.
    """
    if await has_password(users.database, auth.user.id):
        raise HasPassword
    new_hash = await users.passwords.hash(new, auth.user.name)
    await users.change_own(
        auth, "password changed", event="authn_password_change", password_hash=new_hash
    )
