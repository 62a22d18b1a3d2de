"""What can go wrong on the way to a provider and back, in sentences for people."""

from app.users.errors import AccountError


class ProviderUnknown(AccountError):
    """OIDC_PROVIDERS does not name it."""

    status, text = 404, "There is no such provider."


class ProviderError(AccountError):
    """Nobody was signed in. code: for front ends, which show a sentence of their own."""

    status, code = 403, "failed"
    text = "Signing in with the provider failed. Allow cookies for this site, and try again."


class ProviderUnavailable(ProviderError):
    """It is down, slow, or wrong."""

    status, code, retry_after = 503, "unavailable", 60
    text = "The provider does not respond. Try again later, or sign in another way."


class Cancelled(ProviderError):
    """Somebody has changed their mind, or the provider does not let them in."""

    code, text = "cancelled", "You were not signed in there."


#{% if cookiecutter.identity == "email" %}
class EmailNotVerified(ProviderError):
    """There is no address that provider and app could both have verified."""

    code = "email_not_verified"
    text = (
        "The provider has not verified an email address of yours. Sign in another way, and add it "
        "to your account."
    )


#{% endif %}
#{% if cookiecutter.identity == "email" and (cookiecutter.totp or cookiecutter.passkeys) %}
class FactorWanted(ProviderError):
    """The address is that of an account which asks for more than a mailbox."""

    code = "second_factor_first"
    text = (
        "Your account is protected by more than its address. Sign in to it in the usual way, and "
        "add this provider on your account page."
    )


#{% endif %}
class RegistrationClosed(ProviderError):
    """There is no account, and none may be created."""

    code, text = "registration_closed", "You have no account here, and registration is closed."


class IdentityTaken(ProviderError):
    """It opens the account of somebody else, or of the same person already."""

    status, code = 409, "taken"
    text = "That account is already linked to an account here."


class NotTheSameSession(ProviderError):
    """Whoever asked is not signed in any more, or somebody else is."""

    code, text = "signed_out", "You have been signed out in the meantime. Sign in, and try again."


class LastWay(AccountError):
    """Without it, nobody could sign in to the account."""

    status, text = 409, "You would no longer be able to sign in. Add another way first."


#{% if cookiecutter.identity == "username" %}
class NameWanted(AccountError):
    """Whoever comes from a provider has no account yet, and has to choose a name for it."""

    status, text = 409, "You have no account here yet. Choose a user name."


#{% endif %}
class IdentityNotFound(AccountError):
    """The user has no such identity."""

    status, text = 404, "There is no such account at a provider."
