"""`python -m apps.events_api`: the API on this machine, which lands events in a folder or a bucket."""

import argparse
import contextlib
import os
from pathlib import Path

from apps.events_api.api import MAX_BYTES, Api
from apps.events_api.server import EventsServer
from apps.events_api.store import Store


def main() -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m apps.events_api", description=__doc__)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--folder", type=Path, help="land events in this folder")
    place.add_argument("--bucket", help="land events in this bucket of S3")
    parser.add_argument("--endpoint", metavar="URL", help="another service with S3's API, such as MinIO")
    parser.add_argument("--prefix", default="events", help="the folder of all events there [events]")
    parser.add_argument("--feeds", default="", help="names with commas between them: others are refused [any]")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at [127.0.0.1]")
    parser.add_argument("--port", type=int, default=8000, help="the port; 0: a free one [8000]")
    options = parser.parse_args()
    feeds = frozenset(filter(None, options.feeds.split(",")))
    api = Api(_store(options), options.prefix, feeds, MAX_BYTES, os.environ.get("ANSWERS_KEY", ""))
    with EventsServer(api, options.host, options.port) as server, contextlib.suppress(KeyboardInterrupt):
        print(f"Events are taken at {server.url}, and land in {options.folder or f's3://{options.bucket}'}", flush=True)
        server.serve_forever()


def _store(options: argparse.Namespace) -> Store:
    if options.bucket:
        from apps.events_api.s3_store import S3Store  # boto3 is needed for this alone

        return S3Store(options.bucket, options.endpoint)
    from apps.events_api.folder_store import FolderStore

    return FolderStore(options.folder)


if __name__ == "__main__":
    main()
