from fastapi import APIRouter, Depends, FastAPI

from app.notes.schemas import NoteCreate
from app.notes.service import count_notes
from app.web.dependencies import CurrentUser, DbSession, current_user

router = APIRouter()


@router.get("/notes/count")
async def count(user: CurrentUser, db: DbSession) -> int:
    return await count_notes(db, user.id)


@router.post("/notes/check")
async def check(data: NoteCreate) -> str:
    return data.title


reports = FastAPI(openapi_url=None, dependencies=[Depends(current_user)])


@reports.get("/summary")
async def summary(user: CurrentUser) -> str:
    return f"Nothing new, {user.name}"
