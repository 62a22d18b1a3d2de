from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy import select

from app.notes.models import Note
from app.notes.schemas import NoteCreate
from app.notes.service import create_note
from app.pages.forms import field_errors, form_again
from app.pages.redirects import see_other
from app.pages.templating import page
from app.web.dependencies import CurrentSettings, CurrentUser, DbSession

router = APIRouter(prefix="/notebook", include_in_schema=False)


class NoteForm(BaseModel):
    title: str = ""
    text: str = ""
    urgent: bool = False
    pages: int = 1
    color: str = "white"


@router.get("")
async def show_notebook(request: Request, user: CurrentUser, db: DbSession) -> Response:
    notes = await db.scalars(select(Note).where(Note.user_id == user.id).order_by(Note.id))
    return page(request, "notes/notebook.html", notes=notes.all(), form=NoteForm())


@router.post("")
async def write_note(
    request: Request,
    form: Annotated[NoteForm, Form()],
    user: CurrentUser,
    db: DbSession,
    settings: CurrentSettings,
) -> Response:
    tags = ["urgent"] if form.urgent else []
    try:
        data = NoteCreate(title=form.title, text=form.text, tags=tags)
    except ValidationError as error:
        errors = field_errors(error)
        return form_again(request, "notes/notebook.html", errors, notes=[], form=form)
    await create_note(db, user.id, data, settings.notes_per_user)
    return see_other(request, "/notebook", flash="Your note has been saved.")
