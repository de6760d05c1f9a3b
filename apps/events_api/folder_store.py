"""A folder of this machine as a store."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from apps.events_api.store import StoreError


class FolderStore:
    """Objects are files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, content: bytes) -> bool:
        """Writes a hidden file and links it: the object is there whole, or not at all. A rename could replace one."""
        path = self._folder / key
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(part, path)
                _sync(path.parent)
            except FileExistsError:
                return False
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path} can't be written: {error}") from error
        return True

    def get(self, key: str) -> bytes:
        """Reads a file."""
        try:
            return (self._folder / key).read_bytes()
        except OSError as error:
            raise StoreError(f"{self._folder / key} can't be read: {error}") from error


def _sync(folder: Path) -> None:
    """Has the folder's entries outlive a loss of power, where its file system does that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
