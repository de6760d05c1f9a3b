"""Pulls the feeds of a declaration again and again, until it is killed: python chaos_puller.py DECLARATION HOME.

Each line that it prints is JSON: the feed, and what was told of it.
"""

import json
import sys
from pathlib import Path

from common.errors import LakehouseError
from common.settings import Settings
from common.sources.declaration import Source
from common.sources.pulling import retries


def main(declaration: str, home: str) -> None:
    """Never ends by itself."""
    retries.FIRST_PAUSE_SECONDS = 0.05
    source = Source.model_validate_json(Path(declaration).read_text(encoding="utf-8"))
    settings = Settings(Path(home), landing_folder=f"{home}/landing")
    print(json.dumps(["", "ready"]), flush=True)
    while True:
        for name, feed in source.feeds.items():
            try:
                feed.pull(
                    source.at(name, settings), lambda words, name=name: print(json.dumps([name, words]), flush=True)
                )
            except LakehouseError as error:
                print(json.dumps([name, f"FAILED {error}"]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
