"""What can go wrong for a person. The text of each is a sentence for them."""


class AccountError(Exception):
    """Something that the person can do something about."""


class InvalidName(AccountError):
    """A text that is no user name."""


class PasswordRefused(AccountError):
    """A password that will not do."""


class NameTaken(AccountError):
    """Somebody has that user name already."""

    def __init__(self) -> None:
        super().__init__("That user name is taken.")


class NoSuchUser(AccountError):
    """There is no account of that name."""


class SignInFailed(AccountError):
    """Wrong name, wrong password, closed account: one answer, so that none can be told apart."""

    def __init__(self) -> None:
        super().__init__("Wrong user name or password.")


class WrongPassword(AccountError):
    """Somebody who is signed in did not know the password."""

    def __init__(self) -> None:
        super().__init__("That is not your password.")


class TooManyFailures(AccountError):
    """Wait before the next guess. retry_after: seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many failed attempts. Try again in {retry_after} seconds.")
        self.retry_after = retry_after
