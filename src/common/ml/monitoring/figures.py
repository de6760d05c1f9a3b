"""The figures of a week: drift, rates and freshness from counts, performance from judged transactions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from common.contracts.gold import TRANSACTION_SCORES
from common.contracts.silver import FRAUD_REPORTS
from common.contracts.table import Freshness, Table
from common.ml.metrics import evaluate
from common.ml.monitoring.divergence import (
    kolmogorov_smirnov,
    ks_by_chance,
    population_stability_index,
    psi_by_chance,
)
from common.ml.monitoring.histograms import SCORE, SCORE_BANDS
from common.ml.monitoring.measured import NO_LIMITS, Limits, Measured, Support, around, judged
from common.ml.monitoring.reference import Reference
from common.ml.monitoring.weeks import Week
from common.settings import (
    ALERTED_CARDS_FACTOR,
    CALIBRATION_RATIO_LIMITS,
    KS_AT_MOST,
    MONITORING_MIN_FRAUDS,
    MONITORING_MIN_ROWS,
    NULL_SHARE_RISE_AT_MOST,
    PERFORMANCE_LOSS_AT_MOST,
    PSI_AT_MOST,
    RULE_RATE_FACTOR,
)

MODEL = "model"


def drift(reference: Reference, counts: Mapping[str, np.ndarray]) -> list[Measured]:
    """How far the week is from the training window, by feature and for the score; `counts` as in `histograms`.

    A week may differ by a limit, by what weeks of the training window differ from each other, and by chance. Where that
    window is too small to compare with, the number of its rows is all that is measured.
    """
    needed = Support(reference.rows, needed=0)
    window = judged("reference_rows", MODEL, reference.rows, needed, Limits(at_least=MONITORING_MIN_ROWS))
    if reference.rows < MONITORING_MIN_ROWS:
        why = f"not compared: the training window {reference.text} has {reference.rows:,} transactions with features"
        return [replace(window, note=f"{why}, {MONITORING_MIN_ROWS:,} are needed")]
    measured = [window]
    for subject, bins in counts.items():
        usual = reference.between_weeks.get(subject, (0.0, 0.0))
        measured += _of_subject(subject, np.asarray(reference.counts[subject]), bins, usual)
    if SCORE in counts:
        edges = reference.edges[SCORE]
        measured += _band_shares(_bands(edges, np.asarray(reference.counts[SCORE])), _bands(edges, counts[SCORE]))
    return measured


def rates(week: Week, reference: Reference, cards_per_day: int | None) -> list[Measured]:
    """How often rules fire and alerts are raised, against the training window and the alert budget."""
    alerts, cards = (sum(getattr(day, name) for day in week.days) for name in ("alerts", "alerted_cards"))
    days, support = (week.end - week.start).days, Support(week.rows)
    budget = around(cards_per_day, ALERTED_CARDS_FACTOR, days) if cards_per_day else NO_LIMITS
    measured = [
        judged("alert_rate", MODEL, alerts / max(week.rows, 1), support),
        judged("alerted_cards_per_day", MODEL, cards / days, support, budget),
    ]
    for rule in sorted({name for day in week.days for name in day.rules}):
        fired = sum(day.rules.get(rule, 0) for day in week.days)
        limits, before = NO_LIMITS, reference.rules.get(rule, 0)
        if before and reference.rule_rows >= MONITORING_MIN_ROWS:  # a rule that is new has nothing to compare with
            limits = around(before / reference.rule_rows, RULE_RATE_FACTOR, week.rows)
        measured.append(judged("rule_rate", rule, fired / max(week.rows, 1), support, limits))
    return measured


def freshness(week: Week, report_hours_behind: float | None) -> list[Measured]:
    """Hours from the newest transaction scored, and from the newest report, to the week's end."""
    behind = min(((week.end - day.day).days - 1) * 24 + day.hours_behind for day in week.days if day.rows)
    found = ((TRANSACTION_SCORES, behind), (FRAUD_REPORTS, report_hours_behind))
    return [
        judged("hours_behind", table.name, hours, Support(week.rows, needed=0), Limits(at_most=_max_hours(table)))
        for table, hours in found
    ]


def performance(rows: pd.DataFrame, reference: Reference, cards_per_day: int | None) -> list[Measured]:
    """The figures of a week whose labels are mature; `rows` has the columns of `review.JUDGED`.

    A figure may be lower than that of the test week by a share of it, and by two standard deviations by chance. Those
    of the alert budget are left out where it is not known.
    """
    found = evaluate(rows, cards_per_day or 1)
    support = Support(found.frauds, MONITORING_MIN_FRAUDS, "frauds")
    measured = []
    for metric in ("average_precision", *(("card_precision", "recall") if cards_per_day else ())):
        value = getattr(found, metric) if found.frauds else None
        limits = _not_lost(reference.figures.get(metric), found.frauds)
        measured.append(judged(metric, MODEL, value, support, limits))
    ratio = float(rows["score"].sum()) / found.frauds if found.frauds else None
    calibrated = Limits(1.0, *CALIBRATION_RATIO_LIMITS)
    return [*measured, judged("calibration_ratio", MODEL, ratio, support, calibrated)]


def _not_lost(usual: float | None, frauds: int) -> Limits:
    if not usual:
        return NO_LIMITS
    chance = 2 * float(np.sqrt(usual * (1 - usual) / max(frauds, 1)))
    return Limits(usual, (1 - PERFORMANCE_LOSS_AT_MOST) * usual - chance)


def _of_subject(
    subject: str, reference: np.ndarray, bins: np.ndarray, usual: tuple[float, float]
) -> Iterator[Measured]:
    before, rows = int(reference.sum()), int(bins.sum())
    index, distance = population_stability_index(reference, bins), kolmogorov_smirnov(reference[:-1], bins[:-1])
    stable = PSI_AT_MOST + usual[0] + psi_by_chance(before, rows, int(np.count_nonzero(reference + bins)))
    yield judged("psi", subject, index, Support(rows), Limits(usual[0], at_most=stable))
    known_before, known = int(reference[:-1].sum()), int(bins[:-1].sum())
    near = KS_AT_MOST + usual[1] + ks_by_chance(known_before, known)
    yield judged("ks", subject, distance, Support(min(known, known_before)), Limits(usual[1], at_most=near))
    if subject != SCORE:
        nulls = float(reference[-1]) / before
        chance = 3 * float(np.sqrt(nulls * (1 - nulls) / max(rows, 1)))
        limits = Limits(nulls, at_most=nulls + NULL_SHARE_RISE_AT_MOST + chance)
        yield judged("null_share", subject, int(bins[-1]) / max(rows, 1), Support(rows), limits)


def _bands(edges: tuple[float, ...], bins: np.ndarray) -> np.ndarray:
    """Counts between the edges of `SCORE_BANDS`; a score is never null."""
    ends = np.cumsum(bins[:-1])
    at = [int(ends[edges.index(edge)]) for edge in SCORE_BANDS]
    return np.diff([0, *at, int(ends[-1])])


def _band_shares(reference: np.ndarray, bins: np.ndarray) -> Iterator[Measured]:
    rows, before = int(bins.sum()), int(reference.sum())
    names = [f"{low:g} to {high:g}" for low, high in zip((0, *SCORE_BANDS), (*SCORE_BANDS, 1), strict=True)]
    for name, found, usual in zip(names, bins, reference, strict=True):
        share, usual_share = float(found) / max(rows, 1), float(usual) / max(before, 1)
        yield judged("score_share", name, share, Support(rows), Limits(usual_share))


def _max_hours(table: Table) -> float:
    return float(next(promise.max_hours for promise in table.expectations if isinstance(promise, Freshness)))
