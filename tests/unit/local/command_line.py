"""The command line, run within a test's process."""

import sys

import pytest

from local import cli


def lakehouse(*arguments: str) -> int:
    """Exit code of `lakehouse ARGUMENTS`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lakehouse", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
    code = end.value.code
    return code if isinstance(code, int) else 0
