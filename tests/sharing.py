"""What all workers of a run share: each thing is made once, by the first who needs it."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


class Shared:
    """A folder of things that are made once in a run, whoever asks for them, and never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return the path of a thing; make it there unless that was done.

        Others who need the same one wait for it. Had somebody failed, it is made anew.
        """
        path, done = self._folder / name, self._folder / f"{name}.done"
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(path, ignore_errors=True)
                make(path)
                done.touch()
        return path
