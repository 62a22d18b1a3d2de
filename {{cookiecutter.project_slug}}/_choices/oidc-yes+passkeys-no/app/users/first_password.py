"""The password of an account that began at a provider, and so has none."""

from app.sessions.session import Amr
from app.users.errors import AccountError
from app.users.service import AuthContext, UserService
from app.users.ways_in import has_password


class HasPassword(AccountError):
    """A first password is set once."""

    status, text = 409, "You have a password: change that one."


async def set_first_password(users: UserService, auth: AuthContext, new: str) -> None:
    """Set the password of a user who has none. Other sessions end.

    Raises PasswordRejected, HasPassword or SessionEnded.
    """
    if await has_password(users.database, auth.user.id):
        raise HasPassword
    new_hash = await users.passwords.hash(new, auth.user.name)
    event, shown = "authn_password_change", Amr(0)
    #{% if cookiecutter.identity == "email" %}
    notice = users.outbox.mail(auth.user.email, "password_changed", auth.client)
    await users.change_own(auth, event, notice, amr=shown, password_hash=new_hash)
    #{% else %}
    await users.change_own(auth, event, amr=shown, password_hash=new_hash)
    #{% endif %}
