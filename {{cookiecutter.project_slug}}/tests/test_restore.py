"""After a backup of the database was restored: what was given since opens nothing."""

from anyio import to_thread
from sqlalchemy import delete, insert, update

from app.models import User
from app.services import Services
from app.sessions.session import SignIn
from tests.cli import Run
from tests.client import PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB, CAROL
from tests.sessions import HERE, is_active


async def test_an_account_with_the_id_of_a_later_one_does_not_inherit_its_session(
    services: Services, clock: Clock
) -> None:
    later = await services.users.register(BOB, PASSWORD)
    session = await services.sessions.create(SignIn(later.id, later.session_version), HERE)
    assert await is_active(services, session)
    await services.database.execute(delete(User).where(User.id == later.id))
    clock.turn(60)
    other = {"id": later.id, "name": CAROL, "password_hash": "", "role": "admin"}
    await services.database.execute(insert(User).values(**other, created_at=clock.now))
    assert await services.sessions.load_with_user(session.token) is None


async def test_a_session_of_a_later_version_does_not_come_back_with_the_next_one(
    services: Services, user: User, clock: Clock
) -> None:
    clock.turn(60)
    await services.users.end_sessions(ALICE)
    version = (await services.users.find(ALICE)).session_version
    session = await services.sessions.create(SignIn(user.id, version), HERE)
    before = update(User).values(session_version=user.session_version)
    await services.database.execute(before)
    assert await services.sessions.load_with_user(session.token) is None
    clock.turn(60)
    await services.users.end_sessions(ALICE)
    assert await services.sessions.load_with_user(session.token) is None


async def test_everybody_is_signed_out_by_one_command(
    run: Run, client: Client, other: Client
) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(BOB)
    status, out, _ = await to_thread.run_sync(run, "end-all-sessions")
    assert (status, out) == (0, "Ended all sessions of everybody.\n")
    assert not await client.is_signed_in()
    assert not await other.is_signed_in()
    #{% if cookiecutter.session_backend != "memory" %}
    # Nor is there anything on a route that asks for the session alone.
    assert (await client.get("/api/session")).status_code == 401
    #{% endif %}
    await client.sign_in(ALICE)
    assert await client.is_signed_in()
