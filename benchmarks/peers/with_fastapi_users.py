"""fastapi-users with a cookie. BACKEND says what it keeps where.

redis: tokens in Redis, the user in memory. jwt: a JWT, the user in the database.
sqlite, postgresql: tokens and users in that database.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import (
    AuthenticationBackend,
    CookieTransport,
    JWTStrategy,
    RedisStrategy,
)
from fastapi_users.authentication.strategy.db import AccessTokenDatabase, DatabaseStrategy
from fastapi_users.db import BaseUserDatabase, SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

LIFETIME = 43_200
SECRET = "k" * 32
EMAIL, PASSWORD = "alice", "correct horse battery staple"

backend = os.environ["BACKEND"]


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    pass


class UserOut(BaseModel):
    username: str


def new_user() -> User:
    return User(
        id=uuid4(),
        email=EMAIL,
        hashed_password=PasswordHelper().hash(PASSWORD),
        is_active=True,
        is_superuser=False,
        is_verified=True,
    )


if backend == "redis":
    redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    alice = new_user()

    class InMemory(BaseUserDatabase[User, UUID]):
        async def get(self, id: UUID) -> User | None:  # noqa: A002
            return alice if id == alice.id else None

        async def get_by_email(self, email: str) -> User | None:
            return alice if email == EMAIL else None

    async def get_user_db() -> AsyncIterator[BaseUserDatabase[User, UUID]]:
        yield InMemory()

    def get_strategy() -> RedisStrategy[User, UUID]:
        return RedisStrategy(redis, LIFETIME)

else:
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async_session_maker = async_sessionmaker(engine, expire_on_commit=False)

    async def get_async_session() -> AsyncIterator[AsyncSession]:
        async with async_session_maker() as session:
            yield session

    DbSession = Annotated[AsyncSession, Depends(get_async_session)]

    async def get_user_db(session: DbSession) -> AsyncIterator[BaseUserDatabase[User, UUID]]:
        yield SQLAlchemyUserDatabase(session, User)

    if backend == "jwt":

        def get_strategy() -> JWTStrategy[User, UUID]:
            return JWTStrategy(SECRET, LIFETIME)

    else:

        async def get_access_token_db(
            session: DbSession,
        ) -> AsyncIterator[AccessTokenDatabase[AccessToken]]:
            yield SQLAlchemyAccessTokenDatabase(session, AccessToken)

        def get_strategy(
            tokens: Annotated[AccessTokenDatabase[AccessToken], Depends(get_access_token_db)],
        ) -> DatabaseStrategy[User, UUID, AccessToken]:
            return DatabaseStrategy(tokens, LIFETIME)


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):
    pass


async def get_user_manager(
    user_db: Annotated[BaseUserDatabase[User, UUID], Depends(get_user_db)],
) -> AsyncIterator[UserManager]:
    yield UserManager(user_db)


auth_backend = AuthenticationBackend(
    "cookie", CookieTransport(cookie_max_age=LIFETIME), get_strategy
)
fastapi_users = FastAPIUsers[User, UUID](get_user_manager, [auth_backend])
current_active_user = fastapi_users.current_user(active=True)

router = APIRouter()


@router.get("/me")
async def me(user: Annotated[User, Depends(current_active_user)]) -> UserOut:
    return UserOut(username=user.email)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    if backend != "redis":
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with async_session_maker.begin() as session:
            session.add(new_user())
    yield


app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})
app.include_router(router)
app.include_router(fastapi_users.get_auth_router(auth_backend))
