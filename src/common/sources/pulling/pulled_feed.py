"""A feed that is pulled: what its puller lands in a folder of the lakehouse is read by a stream of files."""

import time
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from common.settings import PULLED_RETENTION_DAYS
from common.sources.feed import FeedAt, Tell, silent
from common.sources.files.feed_of_files import FolderFeed
from common.sources.files.file_format import FileFormat
from common.sources.files.landed import LAYOUT
from common.sources.pulling.pull import Landed, Puller, pull
from common.sources.pulling.removal import forget_lines, remove_old


class PulledFeed(FolderFeed):
    """A feed of a source that Spark has no stream for, or none that both platforms share."""

    is_pulled: ClassVar[bool] = True

    @abstractmethod
    def puller(self, at: FeedAt, tell: Tell = silent) -> Puller:
        """Who pulls; `tell` is told of what is tried again, and of what is left."""

    @property
    def layout(self) -> FileFormat:
        """Lines with a record and its reference each."""
        return LAYOUT

    def folder(self, at: FeedAt) -> str:
        """Where pulled files are landed."""
        return at.pulled

    def pull(self, at: FeedAt, tell: Tell = silent) -> int:
        """Lands what is new."""
        return pull(self.puller(at, tell), at, tell)

    def check(self, at: FeedAt) -> None:
        """Makes the folder: a stream of files needs one, though nothing was pulled yet."""
        Path(at.pulled).mkdir(parents=True, exist_ok=True)

    def read_to_the_end(self, at: FeedAt) -> None:
        """Removes what was pulled long ago: bronze has it."""
        settled = self.settled(Landed(Path(at.pulled)).names())
        remove_old(Path(at.pulled), settled, time.time() - PULLED_RETENTION_DAYS * 86_400)

    def settled(self, names: Sequence[str]) -> Sequence[str]:
        """Those of the landed names that are not the position: without them nothing is pulled again.

        Of records, the newest file says how far they were pulled; of whole files, each says that it was.
        """
        return names[:-1] if self.layout == LAYOUT else ()

    def forget(self, at: FeedAt, references: Collection[str]) -> bool:
        """Takes the records' lines out of the landed files, which keep their names. Whole files are the sender's."""
        if self.layout != LAYOUT:
            return False
        forget_lines(Path(at.pulled), frozenset(references))
        return True

    def overlooked(self, at: FeedAt, begun: float) -> Iterable[tuple[str, str | None, str]]:
        """Empty files, where they are whole files. Of records, an erasure may have taken all lines of one."""
        return () if self.layout == LAYOUT else super().overlooked(at, begun)

    def first_look(self, at: FeedAt) -> str:
        """Nothing: the lakehouse's own files are as they are declared."""
        del at
        return ""
