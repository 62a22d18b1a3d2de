from pydantic import BaseModel, ConfigDict, Field


class NoteCreate(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    text: str = ""
    tags: list[str] = []


class NoteUpdate(BaseModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    text: str | None = None


class TagPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str


class NotePublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    text: str
    tags: list[TagPublic]


class NotesPublic(BaseModel):
    notes: list[NotePublic]
    count: int
