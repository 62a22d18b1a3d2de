"""fastapi-users with a cookie, in the ways that BACKEND names.

redis: tokens in Redis, the user in memory. jwt: a JWT, the user in the database.
sqlite, postgresql: tokens and users in that database.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import (
    AuthenticationBackend,
    CookieTransport,
    JWTStrategy,
    RedisStrategy,
)
from fastapi_users.authentication.strategy.db import DatabaseStrategy
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

    def users() -> BaseUserDatabase[User, UUID]:
        return InMemory()

    def strategy() -> RedisStrategy[User, UUID]:
        return RedisStrategy(redis, LIFETIME)

else:
    engine = create_async_engine(os.environ["DATABASE_URL"])
    work = async_sessionmaker(engine, expire_on_commit=False)

    async def session() -> AsyncIterator[AsyncSession]:
        async with work() as opened:
            yield opened

    Session = Annotated[AsyncSession, Depends(session)]

    def users(session: Session) -> BaseUserDatabase[User, UUID]:
        return SQLAlchemyUserDatabase(session, User)

    if backend == "jwt":

        def strategy() -> JWTStrategy[User, UUID]:
            return JWTStrategy(SECRET, LIFETIME)

    else:

        def strategy(session: Session) -> DatabaseStrategy[User, UUID, AccessToken]:
            return DatabaseStrategy(SQLAlchemyAccessTokenDatabase(session, AccessToken), LIFETIME)


class Manager(UUIDIDMixin, BaseUserManager[User, UUID]):
    pass


def manager(database: Annotated[BaseUserDatabase[User, UUID], Depends(users)]) -> Manager:
    return Manager(database)


authentication = AuthenticationBackend("cookie", CookieTransport(cookie_max_age=LIFETIME), strategy)
accounts = FastAPIUsers[User, UUID](manager, [authentication])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    if backend != "redis":
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with work.begin() as opened:
            opened.add(new_user())
    yield


app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})
app.include_router(accounts.get_auth_router(authentication))


@app.get("/me")
async def me(user: Annotated[User, Depends(accounts.current_user(active=True))]) -> UserOut:
    return UserOut(username=user.email)
