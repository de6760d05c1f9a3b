"""One execution of a notebook by papermill, in a kernel of this very interpreter, that can be ended from outside."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from common import errors
from common.result import UP_TO_DATE
from local.jobs.published_result import result_in

if TYPE_CHECKING:
    from local.run.forked_kernels import KernelParent

SHOWN_LINES = 12
_ENGINE = "lakehouse"


@dataclass(frozen=True)
class NotebookError:
    """Why a notebook failed: the cell's source, the error's name and message, and the trace."""

    message: str
    name: str = ""
    cell: str = ""
    trace: str = ""

    @property
    def is_for_user(self) -> bool:
        """Whether the message says all that a person needs: an error of this project's own tree."""
        return self.name in _names_below(errors.LakehouseError)

    @property
    def is_mistake(self) -> bool:
        """Whether a person has to mend something before another attempt can succeed."""
        return any(self.name in _names_below(kind) for kind in errors.MISTAKES)

    @property
    def summary(self) -> str:
        """The message with the error's name where that adds something, shortened to a screenful."""
        # What Spark appends for its own developers stays in the trace.
        message = self.message.split("\n\nJVM stacktrace:")[0].strip()
        lines = (message if self.is_for_user or not self.name else f"{self.name}: {message}").splitlines()
        shortened = lines[:SHOWN_LINES] + (["..."] if len(lines) > SHOWN_LINES else [])
        return "\n".join(shortened)

    @property
    def short_cell(self) -> str:
        """The first lines of the cell that failed."""
        lines = self.cell.strip().splitlines()
        return "\n".join(lines[:SHOWN_LINES] + (["..."] if len(lines) > SHOWN_LINES else []))


def _names_below(kind: type) -> set[str]:
    names = {kind.__name__}
    child: type
    for child in kind.__subclasses__():
        names |= _names_below(child)
    return names


@dataclass(eq=False)
class NotebookProcess:
    """Runs `notebook` into `output`; `stop` ends it from another thread."""

    notebook: Path
    output: Path
    parameters: Mapping[str, str]
    environment: Mapping[str, str]
    on_cell: Callable[[int, int], None] = lambda _done, _of: None
    parent: "KernelParent | None" = None
    """What forks the notebook's process; without one it is started plainly."""
    has_nothing_to_do: bool = False
    """Whether a cell found the notebook's work up to date: the cells after it are not run."""
    _client: Any = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> NotebookError | None:
        """Executes the notebook to its end, or to its first error, which is returned."""
        with _no_grammar_of_urls():
            import papermill
            from papermill.exceptions import PapermillExecutionError

        _register_engine()
        logging.getLogger("papermill").setLevel(logging.ERROR)
        try:
            papermill.execute_notebook(
                str(self.notebook),
                str(self.output),
                parameters=dict(self.parameters),
                engine_name=_ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                notebook_process=self,
            )
        except PapermillExecutionError as error:
            trace = "\n".join(error.traceback)
            return NotebookError(str(error.evalue), str(error.ename), str(error.source), trace)
        except Exception as error:  # the kernel could not be started, or died
            if self._stopped.is_set():
                return NotebookError("was stopped")
            return NotebookError(f"the notebook's process ended: {error or type(error).__name__}\n{self._log_tail()}")
        finally:
            if self.log.exists() and not self.log.stat().st_size:
                self.log.unlink()
        return None

    @property
    def log(self) -> Path:
        """The file to which the notebook's process writes what belongs to no cell."""
        return self.output.with_suffix(".log")

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]) if self.log.exists() else ""

    def started(self, client: Any) -> None:
        """Called with papermill's client before its kernel starts."""
        self._client = client

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Ends the notebook's process and what it started, at once."""
        self._stopped.set()
        manager = getattr(self._client, "km", None)
        pid = getattr(getattr(manager, "provisioner", None), "pid", None)
        if pid is None:
            return
        with suppress(psutil.Error):
            kernel = psutil.Process(pid)
            for process in (*kernel.children(recursive=True), kernel):
                with suppress(psutil.Error):
                    process.kill()


def kernel_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a notebook's process: this one's, with the package importable, and `extra`."""
    source = str(Path(errors.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    # The message of a frozen-modules check would be the first thing that each executed notebook shows.
    return {**os.environ, "PYTHONPATH": path, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **extra}


@contextmanager
def _no_grammar_of_urls() -> Iterator[None]:
    """Lets nbformat be imported without what its check of JSON could use, and no notebook needs.

    Building that grammar, as the import does, takes longer than importing all of papermill.
    """
    is_absent = sys.modules.setdefault("rfc3987_syntax", None) is None  # type: ignore[arg-type]
    try:
        yield
    finally:
        if is_absent:
            sys.modules.pop("rfc3987_syntax", None)  # another notebook, which begins beside this one, may have done it


def _register_engine() -> None:
    """Teaches papermill to start kernels with an environment, a folder and an interpreter of our choice."""
    from jupyter_client.kernelspec import KernelSpec
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines

    from local.run.forking_provisioner import PROVISIONER, register_provisioner

    if _ENGINE in papermill_engines._engines:
        return
    register_provisioner()

    class Client(PapermillNotebookClient):  # type: ignore[misc]
        process: NotebookProcess

        def create_kernel_manager(self) -> Any:
            manager = super().create_kernel_manager()
            # A kernel called python3 may belong to another environment of this user.
            manager._kernel_spec = KernelSpec(
                argv=[sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
                metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER}},
            )
            manager.kernel_parent = self.process.parent
            return manager

        def execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
            if self.process.is_stopped:
                raise RuntimeError("stopped")
            if self.process.has_nothing_to_do:
                return cell
            self.process.on_cell(cell_index, len(self.nb.cells))
            executed = super().execute_cell(cell, cell_index, **options)
            self.process.has_nothing_to_do = bool(result_in([cell]).get(UP_TO_DATE))
            return executed

    class LakehouseEngine(NBClientEngine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            process: NotebookProcess = options["notebook_process"]
            client = Client(nb_man, kernel_name=kernel_name, timeout=None, startup_timeout=120)
            client.process = process
            process.started(client)
            environment = kernel_environment(process.environment)
            with process.log.open("w") as log:
                return client.execute(env=environment, cwd=str(process.notebook.parent), stdout=log, stderr=log)

    papermill_engines.register(_ENGINE, LakehouseEngine)
