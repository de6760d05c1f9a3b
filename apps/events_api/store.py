"""Where objects are kept. An object that is there is never written again."""

from typing import Protocol


class StoreError(Exception):
    """The store can't be reached, or refuses. The sender should repeat the request."""


class Store(Protocol):
    """A place for objects with names."""

    def put(self, key: str, content: bytes) -> bool:
        """Keeps an object, whole and for good; False where there is one of that name, which stays as it is.

        Raises:
            StoreError: it could not be kept, or nobody knows whether it was.
        """

    def get(self, key: str) -> bytes:
        """The content of an object that is there.

        Raises:
            StoreError: it can't be read.
        """
