"""Lands files as a careful sender does: under a temporary name, then renamed. A process, so that it can be killed."""

import argparse
import os
import sys
import time
from pathlib import Path


def main() -> int:
    """Copies each file that is not there yet, and tells the file descriptor how far it is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True, help="file descriptor to which each step is reported")
    parser.add_argument("--pause-seconds", type=float, default=0.0, help="pause within each file and after it")
    parser.add_argument("--hold", default="", help="a file that stays half written for as long as this process lives")
    parser.add_argument("origin", type=Path)
    parser.add_argument("landing", type=Path)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    for name in options.files:
        target = options.landing / name
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (options.origin / name).read_bytes()
        temporary = target.with_name(target.name + ".part")
        with temporary.open("wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            os.write(options.events, f"half {name}\n".encode())
            time.sleep(3600 if name == options.hold else options.pause_seconds)
            file.write(content[len(content) // 2 :])
        temporary.replace(target)
        os.write(options.events, f"landed {name}\n".encode())
        time.sleep(options.pause_seconds)
    os.write(options.events, b"finished all\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
