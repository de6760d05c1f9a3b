"""The features that earlier payments at a terminal give, once reports of them could have arrived.

The streak, and the fraud that its amount explains, follow from how terminals are compromised: from some day on all that
is paid there is fraud, until somebody stops it. One reported fraud says little where genuine payments came after it,
and less where the card is the likelier reason: its amount is unusual for the customer.
"""

from collections.abc import Mapping

import numpy as np

from common.contracts.features import USUAL_DAYS, WINDOW_DAYS
from common.features.rows import Rows
from common.features.timeline import DAY_MICROS, Flags, Ints


def terminal_features(
    rows: Rows, is_explained: Flags, delay_days: int, asked: Ints | None = None
) -> Mapping[str, np.ndarray]:
    """The features by name, of the rows asked for; NaN where unknown.

    Args:
        rows: sorted by terminal.
        is_explained: `Habit.is_explained` of each row.
        delay_days: days that reports of fraud are given to arrive.
        asked: places of the rows asked for, in order; all where none are given.

    """
    here = np.arange(len(rows)) if asked is None else asked
    line, frauds, delay = rows.line, rows.frauds, delay_days * DAY_MICROS
    codes, micros = line.codes[here], line.micros[here]
    end = line.up_to(codes, micros - delay)
    starts = {days: line.up_to(codes, micros - delay - days * DAY_MICROS) for days in WINDOW_DAYS}
    counted_from = line.micros[frauds.row] + delay
    ones = np.ones(len(frauds.row), "int64")

    def known(values: Ints, days: int) -> Ints:
        steps = frauds.steps(line.codes, counted_from, counted_from + days * DAY_MICROS, values)
        return steps.at(codes, micros)

    found: dict[str, np.ndarray] = {}
    for days in WINDOW_DAYS:
        count, known_frauds = end - starts[days], known(ones, days)
        rate = np.divide(known_frauds, count, out=np.zeros(len(here)), where=count > 0)
        found |= {f"terminal_tx_count_{days}d": count, f"terminal_fraud_rate_{days}d": rate}
        if days == USUAL_DAYS:
            found["terminal_genuine_count_30d"] = count - known_frauds
    found["terminal_unexplained_frauds_30d"] = known((~is_explained[frauds.row]).astype("int64"), USUAL_DAYS)
    return found | _since_genuine(rows, micros, starts[USUAL_DAYS], end, ~is_explained)


def _since_genuine(rows: Rows, now: Ints, start: Ints, end: Ints, counts: Flags) -> dict[str, np.ndarray]:
    """Days since the newest row of [start, end) that isn't known as fraud, and the frauds that count after it.

    Looks back from each window's end, as far as frauds follow each other: for almost all rows that is one step.
    """
    micros = rows.line.micros
    age, began, streak = np.full(len(now), np.nan), np.full(len(now), np.nan), np.zeros(len(now), "int64")
    looking, place = np.flatnonzero(end > start), end - 1
    while len(looking):
        at = place[looking]
        is_fraud = rows.frauds.are_known(at, now[looking])
        genuine = looking[~is_fraud]
        age[genuine] = (now[genuine] - micros[place[genuine]]) / DAY_MICROS
        looking, at = looking[is_fraud], at[is_fraud]
        streak[looking] += counts[at]
        counted, first = looking[counts[at]], at[counts[at]]
        began[counted] = (now[counted] - micros[first]) / DAY_MICROS
        place[looking] -= 1
        looking = looking[place[looking] >= start[looking]]
    return {"terminal_genuine_age_days": age, "terminal_fraud_streak": streak, "terminal_streak_days": began}
