import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User
from app.notes.models import Note, Tag
from app.notes.schemas import NoteCreate, NotePublic, NotesPublic, NoteUpdate
from app.notes.service import count_notes, create_note
from app.web.dependencies import (
    CurrentSettings,
    CurrentUser,
    DbSession,
    current_user,
    get_db_session,
    require_role,
)
from app.web.rate_limit import rate_limit

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/notes", tags=["notes"])


async def get_own_note(note_id: int, user: CurrentUser, db: DbSession) -> Note:
    note = await db.get(Note, note_id)
    if note is None or note.user_id != user.id:
        raise HTTPException(status_code=404, detail="Note not found")
    return note


OwnNote = Annotated[Note, Depends(get_own_note)]
EditorUser = Annotated[User, Depends(require_role("editor"))]


def report(note_id: int) -> None:
    logger.info("Note %d was written", note_id)


@router.get("", response_model=NotesPublic)
async def read_notes(
    user: CurrentUser,
    db: DbSession,
    tag: str | None = None,
    offset: int = 0,
    limit: Annotated[int, Query(le=100)] = 100,
) -> NotesPublic:
    statement = select(Note).where(Note.user_id == user.id)
    if tag:
        statement = statement.join(Note.tags).where(Tag.name == tag)
    notes = await db.scalars(statement.order_by(Note.id).offset(offset).limit(limit))
    return NotesPublic(
        notes=[NotePublic.model_validate(note) for note in notes],
        count=await count_notes(db, user.id),
    )


@router.post(
    "",
    response_model=NotePublic,
    status_code=201,
    dependencies=[Depends(rate_limit("30/minute"))],
)
async def add_note(
    data: NoteCreate,
    user: CurrentUser,
    db: DbSession,
    settings: CurrentSettings,
    background_tasks: BackgroundTasks,
) -> Note:
    note = await create_note(db, user.id, data, settings.notes_per_user)
    background_tasks.add_task(report, note.id)
    return note


@router.get("/events")
async def stream_events(request: Request, user: CurrentUser) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        number = 0
        while not await request.is_disconnected():
            number += 1
            yield f"event: tick\ndata: {user.name} {number}\n\n"
            await asyncio.sleep(1)

    return StreamingResponse(events(), media_type="text/event-stream")


@router.get("/all", dependencies=[Depends(current_user)])
async def count_all_notes(_: EditorUser, db: DbSession) -> int:
    return await count_notes(db)


@router.get("/{note_id}", response_model=NotePublic)
async def read_note(note: OwnNote) -> Note:
    return note


@router.get("/{id}/tags/{position}")
async def read_tag(
    id: int,
    position: int,
    user: User = Depends(current_user),
    db: AsyncSession = Depends(get_db_session),
) -> str:
    note = await get_own_note(id, user, db)
    names = list(await db.scalars(select(Tag.name).join(Note.tags).where(Note.id == note.id)))
    try:
        return names[position]
    except IndexError:
        raise HTTPException(status_code=404, detail="Tag not found")


@router.patch("/{note_id}", response_model=NotePublic)
async def update_note(note: OwnNote, data: NoteUpdate, db: DbSession) -> Note:
    for name, value in data.model_dump(exclude_unset=True).items():
        setattr(note, name, value)
    await db.commit()
    await db.refresh(note)
    return note


@router.delete("/{note_id}", status_code=204)
async def delete_note(note: OwnNote, db: DbSession) -> None:
    async with db.begin_nested():
        await db.delete(note)
    await db.commit()
