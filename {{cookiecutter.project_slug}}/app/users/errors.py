"""What can go wrong with accounts. The text of each is a sentence for people."""

from app.errors import AppError, TooManyRequests


class AccountError(AppError):
    """An error that the user can do something about."""


class InvalidName(AccountError):
    """A text that nobody can sign in with."""


class PasswordRejected(AccountError):
    """A password that does not meet the policy."""


class NameTaken(AccountError):
    """Somebody has that name already."""

    #{% if cookiecutter.identity == "email" %}
    status, text = 409, "There is an account with that email address already."
    #{% else %}
    status, text = 409, "That user name is taken."
    #{% endif %}


class UserNotFound(AccountError):
    """No account has that name. Only shown to operators."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user named {name!r}.")


class SignInFailed(AccountError):
    """Wrong name, wrong password, disabled account: one answer, so that none can be told apart."""

    #{% if cookiecutter.identity == "email" %}
    status, text = 401, "Wrong email address or password."
    #{% else %}
    status, text = 401, "Wrong user name or password."
    #{% endif %}


class WrongPassword(AccountError):
    """A signed-in user entered a wrong password."""

    status, text = 403, "Wrong password."


class TooManyFailures(TooManyRequests, AccountError):
    """Wait before the next attempt."""

    text = "Too many failed attempts."


class InvalidLink(AccountError):
    """A link that was used, has expired, was replaced by a newer one, or never was one."""

    text = "This link is not valid any more. Ask for a new one."


class UserDisabled(AccountError):
    """What was asked for would help nobody as long as the account is disabled."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is disabled; enable the account first.")
