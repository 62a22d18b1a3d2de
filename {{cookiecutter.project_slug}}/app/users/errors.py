"""What can go wrong with accounts. The text of each is a sentence for people."""

from app.errors import AppError, TooManyRequests


class AccountError(AppError):
    """An error that the user can do something about."""


class InvalidUsername(AccountError):
    """A text that cannot be a user name."""


class PasswordRejected(AccountError):
    """A password that does not meet the policy."""


class UsernameTaken(AccountError):
    """Somebody has that user name already."""

    status, text = 409, "That user name is taken."


class UserNotFound(AccountError):
    """No account has that name. Only shown to operators."""

    def __init__(self, username: str) -> None:
        super().__init__(f"There is no user named {username!r}.")


class SignInFailed(AccountError):
    """Wrong name, wrong password, disabled account: one answer, so that none can be told apart."""

    status, text = 401, "Wrong user name or password."


class WrongPassword(AccountError):
    """A signed-in user entered a wrong password."""

    status, text = 403, "Wrong password."


class TooManyFailures(TooManyRequests, AccountError):
    """Wait before the next attempt."""

    text = "Too many failed attempts."
