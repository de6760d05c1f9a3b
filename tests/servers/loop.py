"""The event loop of a server in the test's process: it goes round in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

PATIENCE_SECONDS = 30


class Loop:
    """An event loop that goes round until it is ended."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Waits until work of the loop is done."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    def end(self) -> None:
        """Ends it and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
