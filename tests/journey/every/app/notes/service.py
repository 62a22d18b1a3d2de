from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.notes.models import Note, Tag
from app.notes.schemas import NoteCreate


class NotebookFullError(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__(f"A notebook holds {limit} notes.")
        self.limit = limit


async def count_notes(db: AsyncSession, user_id: int | None = None) -> int:
    statement = select(func.count(Note.id))
    if user_id is not None:
        statement = statement.where(Note.user_id == user_id)
    return await db.scalar(statement) or 0


async def find_or_create_tags(db: AsyncSession, names: list[str]) -> list[Tag]:
    found = {tag.name: tag for tag in await db.scalars(select(Tag).where(Tag.name.in_(names)))}
    return [found.get(name) or Tag(name=name) for name in dict.fromkeys(names)]


async def create_note(db: AsyncSession, user_id: int, data: NoteCreate, limit: int) -> Note:
    if await count_notes(db, user_id) >= limit:
        raise NotebookFullError(limit)
    tags = await find_or_create_tags(db, data.tags)
    note = Note(user_id=user_id, title=data.title, text=data.text, tags=tags)
    db.add(note)
    await db.commit()
    await db.refresh(note)
    return note
