"""The features that earlier payments at a terminal give, once reports of them could have arrived.

The streak, and the fraud that its amount explains, follow from how terminals are compromised: from some day on all that
is paid there is fraud, until somebody stops it. One reported fraud says little where genuine payments came after it,
and less where its amount alone is reason enough.
"""

from collections.abc import Mapping

import numpy as np

from common.contracts.features import UNUSUAL_TIMES, USUAL_DAYS, WINDOW_DAYS
from common.features.rows import Rows, ratio
from common.features.timeline import DAY_MICROS, Flags, Floats, Ints, running


def terminal_features(
    rows: Rows, delay_days: int, asked: Ints | None = None, is_unexplained: Flags | None = None
) -> Mapping[str, np.ndarray]:
    """The features by name, of the rows asked for; NaN where unknown.

    Args:
        rows: sorted by terminal.
        delay_days: days that reports of fraud are given to arrive.
        asked: places of the rows asked for, in order; all where none are given.
        is_unexplained: whether the amount of each other row doesn't explain that it is fraud, which no row in order
            changes any more; what is there of those asked for is replaced.

    """
    here = np.arange(len(rows)) if asked is None else asked
    unexplained = np.ones(len(rows), bool) if is_unexplained is None else is_unexplained
    line, frauds, delay = rows.line, rows.frauds, delay_days * DAY_MICROS
    codes, micros = line.codes[here], line.micros[here]
    end = line.up_to(codes, micros - delay)
    starts = {days: line.up_to(codes, micros - delay - days * DAY_MICROS) for days in WINDOW_DAYS}
    counted_from = line.micros[frauds.row] + delay
    ones = np.ones(len(frauds.row), "int64")
    unexplained[here] = ~(_to_terminal_mean(rows, here) > UNUSUAL_TIMES)

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
    found["terminal_unexplained_frauds_30d"] = known(unexplained[frauds.row].astype("int64"), USUAL_DAYS)
    age, streak = _since_genuine(rows, micros, starts[USUAL_DAYS], end, unexplained)
    return found | {"terminal_genuine_age_days": age, "terminal_fraud_streak": streak}


def _to_terminal_mean(rows: Rows, here: Ints) -> Floats:
    """Each amount divided by the mean of the payments at its terminal in the days before."""
    line = rows.line
    start = line.up_to(line.codes[here], line.micros[here] - USUAL_DAYS * DAY_MICROS)
    sums, amounts = running(rows.cents), running(rows.has_amount)
    return ratio(rows.cents[here], amounts[here] - amounts[start], sums[here] - sums[start])


def _since_genuine(rows: Rows, now: Ints, start: Ints, end: Ints, counts: Flags) -> tuple[Floats, Ints]:
    """Days since the newest row of [start, end) that isn't known as fraud, and how many frauds that count came after.

    Looks back from each window's end, as far as frauds follow each other: for almost all rows that is one step.
    """
    micros = rows.line.micros
    age, streak = np.full(len(now), np.nan), np.zeros(len(now), "int64")
    looking, place = np.flatnonzero(end > start), end - 1
    while len(looking):
        at = place[looking]
        is_fraud = rows.frauds.are_known(at, now[looking])
        genuine = looking[~is_fraud]
        age[genuine] = (now[genuine] - micros[place[genuine]]) / DAY_MICROS
        looking, at = looking[is_fraud], at[is_fraud]
        streak[looking] += counts[at]
        place[looking] -= 1
        looking = looking[place[looking] >= start[looking]]
    return age, streak
