"""Accounts, sessions and login attempts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        #{% if cookiecutter.identity == "email" %}
        sa.Column("email", sa.String(254), nullable=False),
        #{% else %}
        sa.Column("username", sa.String(64), nullable=False),
        #{% endif %}
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("session_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        #{% if cookiecutter.identity == "email" %}
        sa.UniqueConstraint("email", name="uq_users_email"),
        #{% else %}
        sa.UniqueConstraint("username", name="uq_users_username"),
        #{% endif %}
        #{% if cookiecutter.database == "sqlite" %}
        sqlite_autoincrement=True,
        #{% endif %}
    )
    #{% if cookiecutter.session_backend == "database" %}
    op.create_table(
        "sessions",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_seen_at", sa.Double(), nullable=False),
        sa.Column("authenticated_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("remember", sa.Boolean(), nullable=False),
        sa.Column("amr", sa.Integer(), nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "session_values",
        sa.Column("session_key", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("encrypted", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("session_key", "name", name="pk_session_values"),
        sa.ForeignKeyConstraint(
            ["session_key"],
            ["sessions.key"],
            name="fk_session_values_session_key",
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        #{% if cookiecutter.database == "sqlite" %}
        sqlite_with_rowid=False,
        #{% endif %}
    )
    #{% elif cookiecutter.session_backend == "signed-cookie" %}
    op.create_table(
        "ended_sessions",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_ended_sessions"),
        #{% if cookiecutter.database == "sqlite" %}
        sqlite_with_rowid=False,
        #{% endif %}
    )
    op.create_index("ix_ended_sessions_ends_at", "ended_sessions", ["ends_at"])
    #{% endif %}
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=True),
        sa.Column("forget_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_attempts"),
        #{% if cookiecutter.database == "sqlite" %}
        sqlite_autoincrement=True,
        #{% endif %}
    )
    op.create_index("ix_login_attempts_name_hash_at", "login_attempts", ["name_hash", "at"])
    op.create_index("ix_login_attempts_address_at", "login_attempts", ["address", "at"])
    op.create_index("ix_login_attempts_forget_at", "login_attempts", ["forget_at"])
    op.create_table(
        "account_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("detail", sa.String(254), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account_events"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_account_events_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_account_events_user_id", "account_events", ["user_id"])
    op.create_index("ix_account_events_at", "account_events", ["at"])
    op.create_table(
        "links",
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("about", sa.String(254), nullable=False),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        #{% if cookiecutter.identity == "email" %}
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("session_version", sa.BigInteger(), nullable=True),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("new_email", sa.String(254), nullable=True),
        #{% else %}
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("session_version", sa.BigInteger(), nullable=False),
        #{% endif %}
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", "about", name="pk_links"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_links_user_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("key", name="uq_links_key"),
    )
    op.create_index("ix_links_user_id", "links", ["user_id"])
    op.create_index("ix_links_expires_at", "links", ["expires_at"])
    op.create_table(
        "request_counts",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("resets_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_request_counts"),
    )
    op.create_index("ix_request_counts_resets_at", "request_counts", ["resets_at"])


def downgrade() -> None:
    op.drop_table("request_counts")
    op.drop_table("links")
    op.drop_table("account_events")
    op.drop_table("login_attempts")
    #{% if cookiecutter.session_backend == "database" %}
    op.drop_table("session_values")
    op.drop_table("sessions")
    #{% elif cookiecutter.session_backend == "signed-cookie" %}
    op.drop_table("ended_sessions")
    #{% endif %}
    op.drop_table("users")
