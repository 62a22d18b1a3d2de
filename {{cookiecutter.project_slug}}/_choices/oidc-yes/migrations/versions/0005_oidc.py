"""Accounts at providers, and the sessions that began there."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
#{% if cookiecutter.passkeys %}
down_revision: str | None = "0004"
#{% elif cookiecutter.totp %}
down_revision: str | None = "0003"
#{% elif cookiecutter.identity == "email" %}
down_revision: str | None = "0002"
#{% else %}
down_revision: str | None = "0001"
#{% endif %}
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    #{% if not cookiecutter.passkeys %}
    _let_password_be_missing(True)
    #{% endif %}
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_identities_user_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("issuer", "subject", name="uq_identities_issuer_subject"),
        #{% if cookiecutter.database == "sqlite" %}
        sqlite_autoincrement=True,
        #{% endif %}
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])
    op.create_table(
        "provider_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity_id", sa.Integer(), nullable=False),
        sa.Column("sid_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_provider_sessions"),
        sa.ForeignKeyConstraint(
            ["identity_id"],
            ["identities.id"],
            name="fk_provider_sessions_identity_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_provider_sessions_identity_id", "provider_sessions", ["identity_id"])
    op.create_index("ix_provider_sessions_sid_hash", "provider_sessions", ["sid_hash"])
    op.create_index("ix_provider_sessions_ends_at", "provider_sessions", ["ends_at"])


def downgrade() -> None:
    op.drop_table("provider_sessions")
    op.drop_table("identities")
    #{% if not cookiecutter.passkeys %}
    # No password has that hash: its owner needs a new one.
    op.execute("UPDATE users SET password_hash = '' WHERE password_hash IS NULL")
    _let_password_be_missing(False)


#{% if cookiecutter.database == "sqlite" %}
def _let_password_be_missing(missing: bool) -> None:
    """SQLite changes a column by copying the table; ids that were used are not to be used again."""
    connection = op.get_bind()
    last = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'users'"))
    with op.batch_alter_table("users", table_kwargs={"sqlite_autoincrement": True}) as users:
        users.alter_column("password_hash", existing_type=sa.String(255), nullable=missing)
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'users'")
    sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
    op.execute(sa.insert(sequence).values(name="users", seq=last or 0))
#{% else %}
def _let_password_be_missing(missing: bool) -> None:
    op.alter_column("users", "password_hash", existing_type=sa.String(255), nullable=missing)
#{% endif %}
#{% endif %}
