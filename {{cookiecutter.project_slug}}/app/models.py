"""The tables. Times are Unix time in seconds, UTC."""

from collections.abc import Sequence
from typing import Any

#{% if cookiecutter.oidc %}
from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
    case,
)
#{% else %}
from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, MetaData, String, case
#{% endif %}
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    make_transient_to_detached,
    mapped_column,
    synonym,
)
from sqlalchemy.sql.elements import Case

# Fixed names let a later migration drop or change a constraint on any database.
_NAMES = {
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


ADMIN = "admin"
# The first is that of everybody who registers.
ROLES = ("user", ADMIN)

# The largest id that every database can hold: a larger one, from outside, would be an error of it.
MAX_ID = 2**31 - 1


class Base(DeclarativeBase):
    """Parent of every table; ``alembic revision --autogenerate`` reads its metadata."""

    metadata = MetaData(naming_convention=_NAMES)


def _second_of_creation(context: DefaultExecutionContext) -> int:
    return int(context.get_current_parameters()["created_at"])  # type: ignore[no-untyped-call]


class User(Base):
    """An account.

    The user of a request (``CurrentUser``) is a detached row without its password hash: what a
    route returns by mistake tells no secret. ``db.add(user)`` attaches it to a ``DbSession``.
    """

    __tablename__ = "users"
    #{% if cookiecutter.database == "sqlite" %}
    # An id is never reused: a new user must not inherit what was signed for another.
    __table_args__ = ({"sqlite_autoincrement": True},)
    #{% endif %}

    id: Mapped[int] = mapped_column(primary_key=True)
    # As ``users.names.normalise`` writes it, so that look-alikes collide.
    #{% if cookiecutter.identity == "email" %}
    email: Mapped[str] = mapped_column(String(254), unique=True)
    # What the user signs in with: an address, which is not for others to see.
    name: Mapped[str] = synonym("email")
    #{% else %}
    username: Mapped[str] = mapped_column(String(64), unique=True)
    # What the user signs in with.
    name: Mapped[str] = synonym("username")
    #{% endif %}
    # Deferred, so that no query of yours loads it without saying so.
    #{% if cookiecutter.passkeys or cookiecutter.oidc %}
    # None for whoever signs in in other ways alone.
    password_hash: Mapped[str | None] = mapped_column(String(255), deferred=True)
    #{% else %}
    password_hash: Mapped[str] = mapped_column(String(255), deferred=True)
    #{% endif %}
    role: Mapped[str] = mapped_column(String(16))
    is_active: Mapped[bool] = mapped_column(default=True)
    # Higher whenever all sessions of the user are revoked: those of an earlier version are invalid.
    session_version: Mapped[int] = mapped_column(BigInteger, default=_second_of_creation)
    created_at: Mapped[float]


# What the user of a request is made of: your own columns, too.
USER_COLUMNS = [
    each for each in User.__table__.columns if each is not User.__table__.c.password_hash
]


def user_from_row(values: Sequence[Any]) -> User:
    """Return the user that a row of USER_COLUMNS describes, detached from any session."""
    user = User()
    # As a query does it, without the events of a change: twice as fast.
    vars(user).update(zip((each.key for each in USER_COLUMNS), values, strict=True))
    make_transient_to_detached(user)
    return user


def next_session_version(now: float) -> Case[int]:
    """Return the session version after a user's own. now: Unix time in seconds.

    It is the time. After a backup was restored, a counter would come to versions, and new accounts
    to ids, for which there are session tokens already.
    """
    later = User.session_version + 1
    return case((later < int(now), int(now)), else_=later)
#{% if cookiecutter.session_backend == "database" %}


class UserSession(Base):
    """A session. ``sessions.session.Session`` says what each column means."""

    __tablename__ = "sessions"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    session_version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float]
    last_seen_at: Mapped[float]
    authenticated_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)
    remember: Mapped[bool]
    amr: Mapped[int]
    ip: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(200))


class SessionValue(Base):
    """A value kept with a session, encrypted. It goes when the session goes."""

    __tablename__ = "session_values"
    #{% if cookiecutter.database == "sqlite" %}
    __table_args__ = ({"sqlite_with_rowid": False},)
    #{% endif %}

    session_key: Mapped[bytes] = mapped_column(
        ForeignKey(UserSession.key, ondelete="CASCADE", onupdate="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    encrypted: Mapped[bytes]
#{% elif cookiecutter.session_backend == "signed-cookie" %}


class EndedSession(Base):
    """A session that was revoked early; its tokens are refused until all have expired."""

    __tablename__ = "ended_sessions"
    #{% if cookiecutter.database == "sqlite" %}
    __table_args__ = ({"sqlite_with_rowid": False},)
    #{% endif %}

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    # From then on every token of the session has expired anyway.
    ends_at: Mapped[float] = mapped_column(index=True)
#{% endif %}


class LoginAttempt(Base):
    """An attempt at a password, and its outcome. ``users.rate_limit`` counts them."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("ix_login_attempts_name_hash_at", "name_hash", "at"),
        Index("ix_login_attempts_address_at", "address", "at"),
        #{% if cookiecutter.database == "sqlite" %}
        # An id is never reused: a late result must not settle another attempt.
        {"sqlite_autoincrement": True},
        #{% endif %}
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    address: Mapped[str] = mapped_column(String(45))
    at: Mapped[float]
    outcome: Mapped[bool | None]
    # From then on it counts for nothing.
    forget_at: Mapped[float] = mapped_column(index=True)


class AccountEvent(Base):
    """Something that has happened to an account. ``users.account_events`` stores it."""

    __tablename__ = "account_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(String(254))
    at: Mapped[float] = mapped_column(index=True)
    # Empty where an operator did it.
    ip: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(200))


class Link(Base):
    """A link that was given to somebody. ``users.links`` says what for."""

    __tablename__ = "links"

    purpose: Mapped[str] = mapped_column(String(16), primary_key=True)
    # The name of the account that it is about: a newer one takes its place.
    about: Mapped[str] = mapped_column(String(254), primary_key=True)
    # SHA-256 of the random part of its token. It opens nothing.
    key: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    #{% if cookiecutter.identity == "email" %}
    # None as long as there is no account.
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    session_version: Mapped[int | None] = mapped_column(BigInteger)
    # Of the account that a link creates.
    password_hash: Mapped[str | None] = mapped_column(String(255))
    # The address that a link changes to.
    new_email: Mapped[str | None] = mapped_column(String(254))
    #{% else %}
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    # The user's; the link is invalid once that is higher.
    session_version: Mapped[int] = mapped_column(BigInteger)
    #{% endif %}
    expires_at: Mapped[float] = mapped_column(index=True)
#{% if cookiecutter.identity == "email" %}


class KnownDevice(Base):
    """A browser and an address that a user has signed in with."""

    __tablename__ = "known_devices"

    # A hash of user, browser and address.
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    seen_at: Mapped[float] = mapped_column(index=True)


class OutgoingMail(Base):
    """A mail that waits to be sent. ``email.outbox`` sends it."""

    __tablename__ = "outgoing_mails"
    #{% if cookiecutter.database == "sqlite" %}
    # An id is never reused: a late result must not settle another mail.
    __table_args__ = ({"sqlite_autoincrement": True},)
    #{% endif %}

    id: Mapped[int] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    # Its texts, which may hold a link that signs somebody in.
    encrypted: Mapped[bytes]
    created_at: Mapped[float] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    # None once it was given up, and where there is no mail server.
    next_attempt_at: Mapped[float | None] = mapped_column(index=True)
    # What the mail server, or the connection to it, said last.
    last_error: Mapped[str | None] = mapped_column(String(500))
#{% endif %}
#{% if cookiecutter.totp %}


class TotpSecret(Base):
    """The secret of a user's authenticator app. ``users.totp`` checks the codes."""

    __tablename__ = "totp_secrets"

    user_id: Mapped[int] = mapped_column(
        ForeignKey(User.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    # For this user only.
    encrypted: Mapped[bytes]
    # Until a first code has shown that the app knows the secret, it counts for nothing.
    is_confirmed: Mapped[bool]
    # That of the last code that was accepted: neither it nor an earlier one is good again.
    last_step: Mapped[int]
    # Wrong codes since then.
    failures: Mapped[int]


class RecoveryCode(Base):
    """A recovery code that was not used yet."""

    __tablename__ = "recovery_codes"

    # SHA-256 of the code. It opens nothing.
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
#{% endif %}
#{% if cookiecutter.passkeys %}


class UserHandle(Base):
    """What authenticators know a user by. It is random, since they tell it to anybody nearby."""

    __tablename__ = "user_handles"

    user_id: Mapped[int] = mapped_column(
        ForeignKey(User.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    handle: Mapped[bytes] = mapped_column(LargeBinary(64))


class Passkey(Base):
    """A passkey of a user. ``users.passkeys`` checks it."""

    __tablename__ = "passkeys"

    # The credential ID, chosen by the authenticator.
    id: Mapped[bytes] = mapped_column(LargeBinary(1023), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    # In COSE's form (RFC 9052, 7).
    public_key: Mapped[bytes] = mapped_column(LargeBinary(1024))
    # How often it was used, as its authenticator says. Many always say 0.
    sign_count: Mapped[int] = mapped_column(BigInteger)
    # How browsers reach it, in WebAuthn's words.
    transports: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[float]
    last_used_at: Mapped[float | None]
#{% endif %}
#{% if cookiecutter.oidc %}


class Identity(Base):
    """An account at a provider that opens an account here. ``users.oidc`` signs in with it."""

    __tablename__ = "identities"
    #{% if cookiecutter.database == "sqlite" %}
    __table_args__ = (UniqueConstraint("issuer", "subject"), {"sqlite_autoincrement": True})
    #{% else %}
    __table_args__ = (UniqueConstraint("issuer", "subject"),)
    #{% endif %}

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    # What OIDC_PROVIDERS calls it.
    provider: Mapped[str] = mapped_column(String(32))
    issuer: Mapped[str] = mapped_column(String(255))
    # Who it is there, and never an address: those change hands.
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[float]
    last_used_at: Mapped[float | None]


class ProviderSession(Base):
    """A session that began at a provider, which may end it (back-channel logout)."""

    __tablename__ = "provider_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    identity_id: Mapped[int] = mapped_column(
        ForeignKey(Identity.id, ondelete="CASCADE"), index=True
    )
    # SHA-256 of what the provider calls its own session.
    sid_hash: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    # The session's. Unlike its key, it stays when the token is renewed.
    created_at: Mapped[float]
    ends_at: Mapped[float] = mapped_column(index=True)
#{% endif %}


class RequestCount(Base):
    """How often something was done, and by whom: what ``request_limit`` counts."""

    __tablename__ = "request_counts"

    # A hash of what is counted, and of whom.
    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    count: Mapped[int]
    resets_at: Mapped[float] = mapped_column(index=True)
