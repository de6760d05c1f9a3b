"""Client libraries of readers, fetched when a reader is first used: `python -m local.client_libraries EXTRA`."""

import subprocess
import sys
from pathlib import Path

from common.errors import EngineError
from common.settings import repository
from common.storage.files import file_lock


def fetch(extra: str) -> None:
    """Installs what an extra of the package brings, in pinned versions, into this environment.

    Raises:
        EngineError: it can't be fetched; the message says what to do without a network.
    """
    listed = repository() / "requirements" / f"{extra}.txt"
    environment = Path(sys.prefix)
    uv = environment / ".uv" / "bin" / "uv"
    installer = (
        [str(uv), "pip", "install", "--python", sys.executable]
        if uv.exists()
        else [sys.executable, "-m", "pip", "install"]
    )
    with file_lock(environment / ".client-libraries.lock"):
        answer = subprocess.run(
            [*installer, "--quiet", "--require-hashes", "-r", str(listed)], capture_output=True, text=True, check=False
        )
    if answer.returncode:
        reason = next((line for line in answer.stderr.splitlines() if line.strip()), "no answer")
        raise EngineError(
            f"the libraries of requirements/{extra}.txt could not be fetched ({reason.strip()}): check the network and "
            f"try again, or install them from where you have them: pip install --require-hashes -r {listed}"
        )


def main() -> int:
    """Fetches the libraries of the extra that is named."""
    try:
        fetch(sys.argv[1])
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
