"""Passkeys, and accounts without a password."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
#{% if cookiecutter.totp %}
down_revision: str | None = "0003"
#{% elif cookiecutter.identity == "email" %}
down_revision: str | None = "0002"
#{% else %}
down_revision: str | None = "0001"
#{% endif %}
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _let_password_be_missing(True)
    op.create_table(
        "user_handles",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("handle", sa.LargeBinary(64), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_user_handles"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_user_handles_user_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.LargeBinary(1023), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("public_key", sa.LargeBinary(1024), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.String(100), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_passkeys_user_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])


def downgrade() -> None:
    op.drop_table("passkeys")
    op.drop_table("user_handles")
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
