"""The landing folder of a world: its files, what the pipeline must not see, and how many days are made.

Ingestion ignores names that begin with a dot: files being written, and the folder `.world` with the truth.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path

from local.simulate.settings import World, WorldSettingsError

SOURCE = "simulated"
_NOT_COMPARED = ("days",)


class Landing:
    """The folder that a world's files land in: `LANDING/simulated/ENTITY/ENTITY-YYYY-MM-DD.EXTENSION`."""

    def __init__(self, landing: Path) -> None:
        self.folder = landing / SOURCE
        self._folders: set[Path] = set()
        self._state = self.folder / ".world" / "world.json"

    def write(self, entity: str, day: str, extension: str, content: bytes) -> None:
        """Puts a file of an entity there, whole or not at all."""
        self._write(self.folder / entity / f"{entity}-{day}.{extension}", content)

    def write_truth(self, what: str, day: str, content: bytes) -> None:
        """Puts a Parquet file of the truth (`fraud`, `labels` or `dirt`) where the pipeline doesn't look."""
        self._write(self.folder / ".world" / "truth" / f"{what}-{day}.parquet", content)

    def state(self) -> tuple[World, int] | None:
        """The world that is there and the number of its days; None where there is none.

        Raises:
            WorldSettingsError: the state can't be read.

        """
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            # A world that was begun before there were difficulties goes on without them.
            return World(**{"difficulty": 0.0, **state["world"]}), int(state["days_done"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise WorldSettingsError(
                f"{self._state} can't be read ({error}); remove {self.folder} to begin a new world"
            ) from None

    def save_state(self, world: World, days_done: int) -> None:
        """Notes how many days are there."""
        state = {"world": asdict(world), "days_done": days_done}
        self._write(self._state, json.dumps(state, indent=2).encode() + b"\n")

    def days_done(self, world: World) -> int:
        """How many days of this very world are there.

        Raises:
            WorldSettingsError: there is another world, or its state can't be read.

        """
        state = self.state()
        if state is None:
            return 0
        there, done = state
        differences = [
            f"{each.name}={getattr(world, each.name)!r} (there: {getattr(there, each.name)!r})"
            for each in fields(World)
            if each.name not in _NOT_COMPARED and getattr(world, each.name) != getattr(there, each.name)
        ]
        if differences:
            raise WorldSettingsError(
                f"{self.folder} holds a world with other settings: {', '.join(differences)}; "
                f"go on with its settings, land elsewhere, or remove {self.folder} to begin a new world"
            )
        return done

    def _write(self, path: Path, content: bytes) -> None:
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(path.parent)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(content)
        temporary.replace(path)
