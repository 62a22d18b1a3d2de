"""A user from SQLite by FastAPI and SQLAlchemy, as their documentation teaches it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"])
new_session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class UserOut(BaseModel):
    id: int
    name: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with new_session() as session:
        session.add(User(name="alice"))
        await session.commit()
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan, telemetry={"tracing": False, "metrics": False, "logs": False})


async def get_session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


@app.get("/me", response_model=UserOut)
async def me(session: Annotated[AsyncSession, Depends(get_session)]) -> User | None:
    return await session.get(User, 1)
