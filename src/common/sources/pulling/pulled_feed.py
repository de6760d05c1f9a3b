"""A feed that is pulled: what its puller lands in a folder of the lakehouse is read by a stream of files."""

from abc import abstractmethod

from common.sources.feed import FeedAt, Tell, silent
from common.sources.files.feed_of_files import FolderFeed
from common.sources.files.file_format import FileFormat
from common.sources.files.landed import LAYOUT
from common.sources.pulling.pull import Puller, pull


class PulledFeed(FolderFeed):
    """A feed of a source that Spark has no stream for, or none that both platforms share."""

    @abstractmethod
    def puller(self, at: FeedAt) -> Puller:
        """Who pulls."""

    @property
    def layout(self) -> FileFormat:
        """Lines with a record and its reference each."""
        return LAYOUT

    def folder(self, at: FeedAt) -> str:
        """Where pulled files are landed."""
        return at.pulled

    def pull(self, at: FeedAt, tell: Tell = silent) -> int:
        """Lands what is new."""
        return pull(self.puller(at), at, tell)

    def first_look(self, at: FeedAt) -> str:
        """Nothing: the lakehouse's own files are as they are declared."""
        del at
        return ""
