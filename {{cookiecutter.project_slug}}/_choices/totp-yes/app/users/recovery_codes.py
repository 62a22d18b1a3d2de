"""Recovery codes: they stand in for an authenticator app that was lost. Each is good once."""

import base64
import hashlib
import secrets

from sqlalchemy import ColumnElement, Executable, and_, delete, insert

from app.models import RecoveryCode

COUNT = 10
# 120 bits: what cannot be guessed needs no slow hash (ASVS 5.0 6.5.2).
RANDOM_BYTES = 15


def new_recovery_codes(user_id: int) -> tuple[list[str], list[Executable]]:
    """Return recovery codes, and the statements that store them in the place of earlier ones."""
    codes = [base64.b32encode(secrets.token_bytes(RANDOM_BYTES)).decode() for _ in range(COUNT)]
    rows = [{"user_id": user_id, "key": _hash(code)} for code in codes]
    earlier = delete(RecoveryCode).where(RecoveryCode.user_id == user_id)
    return [_in_groups(code) for code in codes], [earlier, insert(RecoveryCode).values(rows)]


def is_code(user_id: int, code: str) -> ColumnElement[bool]:
    """Return what restricts a query to a code, as its user types it."""
    return and_(RecoveryCode.user_id == user_id, RecoveryCode.key == _hash(code))


def _in_groups(code: str) -> str:
    """Return a code as people can copy it: in groups of four."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4)).lower()


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.upper().encode()).digest()
