"""What can go wrong for a person. The text of each is a sentence for them."""

import math

from app import texts


class AccountError(Exception):
    """Something that the person can do something about."""


class InvalidName(AccountError):
    """A text that is no user name."""


class PasswordRefused(AccountError):
    """A password that will not do."""


class NameTaken(AccountError):
    """Somebody has that user name already."""

    def __init__(self) -> None:
        super().__init__(texts.NAME_TAKEN)


class NoSuchUser(AccountError):
    """There is no account of that name."""


class SignInFailed(AccountError):
    """Wrong name, wrong password, closed account: one answer, so that none can be told apart."""

    def __init__(self) -> None:
        super().__init__(texts.SIGN_IN_FAILED)


class WrongPassword(AccountError):
    """Somebody who is signed in did not know the password."""

    def __init__(self) -> None:
        super().__init__(texts.WRONG_PASSWORD)


class TooManyFailures(AccountError):
    """Wait before the next guess. retry_after: seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(texts.TOO_MANY_FAILURES.format(math.ceil(retry_after / 60)))
        self.retry_after = retry_after
