"""What a chaos run says at its end: figures of the kills, and what was compared."""

from collections import Counter
from collections.abc import Iterable, Sequence

from chaos_compare import IGNORED, Compared
from chaos_strike import Strike


def figures(strikes: Sequence[Strike], attempts: int, seconds: float) -> list[str]:
    """Kills by moment, by what they hit, and by task, in lines."""
    kills = [strike for strike in strikes if strike.is_kill]
    others = [strike for strike in strikes if not strike.is_kill]
    lines = [f"{len(kills)} kills in {attempts} attempts, {seconds / 60:.0f} minutes"]
    lines.append(_listed("by moment", (strike.moment.way for strike in kills)))
    lines.append(
        _listed("by what was hit", (word for strike in kills for word in strike.hit or ("between two steps",)))
    )
    lines.append(_listed("by task", (strike.moment.task for strike in kills)))
    lines.append(_listed("by command", (strike.moment.by for strike in kills)))
    lines += [f"besides: {strike}" for strike in others]
    return lines


def _listed(title: str, names: Iterable[str]) -> str:
    return f"  {title}: " + ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())


def comparison(compared: Sequence[Compared]) -> list[str]:
    """A line for each table, and what differs."""
    lines = [f"{len(compared)} tables compared row by row, {sum(one.rows for one in compared):,} rows; not compared: "]
    lines[0] += ", ".join(sorted(IGNORED))
    for one in compared:
        lines.append(f"  {one.table}: {one.rows:,} rows, {'DIFFERENT' if one.differences else 'equal'}")
        lines += [f"    {difference}" for difference in one.differences]
    return lines


def is_equal(compared: Sequence[Compared]) -> bool:
    """Whether no table differs, and something was compared at all."""
    return bool(compared) and sum(one.rows for one in compared) > 0 and not any(one.differences for one in compared)
