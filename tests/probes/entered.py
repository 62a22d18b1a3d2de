"""Print which files of an app are entered on the way of a session cookie, as a JSON list.

The project's own Python runs it in the folder of the project, on a database that was migrated.
"""

import json
import os
import threading
from pathlib import Path
from types import FrameType

from app.main import app
from fastapi.testclient import TestClient

ACCOUNT = {"username": "alice", "password": "correct horse battery staple"}

APP = str(Path("app").resolve()) + os.sep
ENDPOINTS = str(Path("app/api/me.py").resolve())

entered: list[str] = []
is_on_the_way = threading.Event()


def note(frame: FrameType, event: str, _: object) -> None:
    """Note the file of each function that is called."""
    file = frame.f_code.co_filename
    if event != "call" or not is_on_the_way.is_set() or not file.startswith(APP):
        return
    if file == ENDPOINTS:
        # The route knows its user.
        is_on_the_way.clear()
    elif file not in entered:
        entered.append(file)


# For the thread that the client serves the app in, and whatever that one starts.
threading.setprofile(note)
with TestClient(app, base_url="https://localhost") as client:
    assert client.post("/api/register", json=ACCOUNT).status_code == 201
    assert client.post("/api/login", json=ACCOUNT).status_code == 200
    # The first one does what is done once.
    assert client.get("/api/me").status_code == 200
    is_on_the_way.set()
    response = client.get("/api/me")
    is_on_the_way.clear()
assert response.json()["username"] == "alice"
print(json.dumps([Path(file).relative_to(Path.cwd()).as_posix() for file in entered]))
