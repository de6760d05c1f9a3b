"""`reader: files`: a folder that files land in. Spark has a stream of files on both platforms."""

import glob
from pathlib import Path
from typing import Literal

from common.errors import DeclarationError
from common.sources.connections import Text
from common.sources.feed import FeedAt
from common.sources.files.feed_of_files import DeclaredFiles


class FileFeed(DeclaredFiles):
    """A feed of files: every file under `path` is read once, whole.

    `path` is a folder, with `{landing}` for the landing folder; folders below it are read too.
    """

    reader: Literal["files"]
    path: Text

    def folder(self, at: FeedAt) -> str:
        """The declared folder."""
        return self.path.replace("{landing}", at.settings.landing)

    def check(self, at: FeedAt) -> None:
        """Checks that the folder is there."""
        folder = self.folder(at)
        if "://" in folder or glob.glob(folder):
            return
        here = at.settings.platform
        template = here.missing_simulation_hint if at.source == "simulated" else here.missing_folder_hint
        hint = template.format(folder=folder, name=Path(self.path).name)
        raise DeclarationError(f"{at.option('path')}: there is no folder {folder}; {hint}")
