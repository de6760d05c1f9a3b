"""The features that earlier payments at a terminal give, once reports of them could have arrived.

The streak, and the fraud that its amount explains, follow from how terminals are compromised: from some day on all that
is paid there is fraud, until somebody stops it. One reported fraud says little where genuine payments came after it,
and less where its amount alone is reason enough.
"""

from collections.abc import Mapping

import numpy as np

from common.contracts.features import UNUSUAL_TIMES, USUAL_DAYS, WINDOW_DAYS
from common.features.rows import Rows, ratio
from common.features.timeline import DAY_MICROS, Floats, Ints, running


def terminal_features(rows: Rows, delay_days: int) -> Mapping[str, np.ndarray]:
    """The features by name, NaN where unknown.

    Args:
        rows: sorted by terminal.
        delay_days: days that reports of fraud are given to arrive.

    """
    line, frauds, delay = rows.line, rows.frauds, delay_days * DAY_MICROS
    end = line.up_to(line.codes, line.micros - delay)
    starts = {days: line.up_to(line.codes, line.micros - delay - days * DAY_MICROS) for days in WINDOW_DAYS}
    counted_from = line.micros[frauds.row] + delay
    ones = np.ones(len(frauds.row), "int64")
    is_unexplained = ~(_to_terminal_mean(rows) > UNUSUAL_TIMES)

    def known(values: Ints, days: int) -> Ints:
        steps = frauds.steps(line.codes, counted_from, counted_from + days * DAY_MICROS, values)
        return steps.at(line.codes, line.micros)

    found: dict[str, np.ndarray] = {}
    for days in WINDOW_DAYS:
        count, known_frauds = end - starts[days], known(ones, days)
        rate = np.divide(known_frauds, count, out=np.zeros(len(rows)), where=count > 0)
        found |= {f"terminal_tx_count_{days}d": count, f"terminal_fraud_rate_{days}d": rate}
        if days == USUAL_DAYS:
            found["terminal_genuine_count_30d"] = count - known_frauds
    found["terminal_unexplained_frauds_30d"] = known(is_unexplained[frauds.row].astype("int64"), USUAL_DAYS)
    age, streak = _since_genuine(rows, starts[USUAL_DAYS], end, is_unexplained)
    return found | {"terminal_genuine_age_days": age, "terminal_fraud_streak": streak}


def _to_terminal_mean(rows: Rows) -> Floats:
    """Each amount divided by the mean of the payments at its terminal in the days before."""
    line, here = rows.line, np.arange(len(rows))
    start = line.up_to(line.codes, line.micros - USUAL_DAYS * DAY_MICROS)
    sums, amounts = running(rows.cents), running(rows.has_amount)
    return ratio(rows.cents, amounts[here] - amounts[start], sums[here] - sums[start])


def _since_genuine(rows: Rows, start: Ints, end: Ints, counts: np.ndarray) -> tuple[Floats, Ints]:
    """Days since the newest row of [start, end) that isn't known as fraud, and how many frauds that count came after.

    Looks back from each window's end, as far as frauds follow each other: for almost all rows that is one step.
    """
    micros = rows.line.micros
    age, streak = np.full(len(rows), np.nan), np.zeros(len(rows), "int64")
    looking, place = np.flatnonzero(end > start), end - 1
    while len(looking):
        at = place[looking]
        is_fraud = rows.frauds.are_known(at, micros[looking])
        genuine = looking[~is_fraud]
        age[genuine] = (micros[genuine] - micros[place[genuine]]) / DAY_MICROS
        looking, at = looking[is_fraud], at[is_fraud]
        streak[looking] += counts[at]
        place[looking] -= 1
        looking = looking[place[looking] >= start[looking]]
    return age, streak
