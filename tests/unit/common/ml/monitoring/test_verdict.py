"""What the weeks of a version come to: warnings, and whether a new model is due."""

import pytest
from monitoring_builders import FIRST, a_figure

from common.checks.findings import failure, summary, warnings
from common.ml.monitoring.measured import Limits, Measured, Support, judged
from common.ml.monitoring.verdict import findings, retrain_reason
from common.ml.monitoring.weeks import WEEK


def weeks(*values: float, metric: str = "psi", subject: str = "amount_eur") -> dict[object, list[Measured]]:
    """Weeks in a row; a figure above 1 is breached."""
    return {FIRST + number * WEEK: [a_figure(metric, subject, value)] for number, value in enumerate(values)}


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ((0.5, 0.5), None),
        ((2.0,), None),
        ((0.5, 2.0), None),
        ((2.0, 2.0, 0.5), None),
        ((2.0, 0.5, 2.0), None),
        ((2.0, 2.0), 0),
        ((0.5, 2.0, 2.0, 2.0), 1),
    ],
)
def test_drift_makes_a_model_due_once_it_has_lasted_to_the_newest_week(
    values: tuple[float, ...], since: int | None
) -> None:
    reason = retrain_reason("3", weeks(*values))  # type: ignore[arg-type]

    expected = "" if since is None else f"sustained drift of amount_eur since {FIRST + since * WEEK}"
    assert reason.split(",")[0] == expected


def test_weeks_must_follow_each_other() -> None:
    apart = {FIRST: [a_figure("psi", "amount_eur", 2.0)], FIRST + 2 * WEEK: [a_figure("psi", "amount_eur", 2.0)]}
    assert not retrain_reason("3", apart)


def test_lost_performance_makes_a_model_due_while_the_newest_weeks_are_not_mature() -> None:
    lost = weeks(2.0, 2.0, metric="average_precision", subject="model")
    newer = {FIRST + 2 * WEEK: [a_figure("psi", "amount_eur", 0.5)]}

    assert retrain_reason("3", {**lost, **newer}) == (  # type: ignore[dict-item]
        f"sustained lost performance of average_precision since {FIRST}, by gold.model_monitoring of version 3"
    )


@pytest.mark.parametrize(
    "metric", ["null_share", "rule_rate", "alerted_cards_per_day", "hours_behind", "reference_rows"]
)
def test_what_training_does_not_mend_makes_no_model_due(metric: str) -> None:
    assert not retrain_reason("3", weeks(2.0, 2.0, 2.0, metric=metric))  # type: ignore[arg-type]


def test_each_verdict_of_the_newest_week_is_a_finding_and_a_breach_a_warning() -> None:
    measured = weeks(2.0, 0.5)
    measured[FIRST + WEEK].append(a_figure("ks", "score", 2.0))
    measured[FIRST].append(a_figure("recall", "model", 3.0))

    found = findings("3", measured)  # type: ignore[arg-type]

    assert summary(found) == "of 3 checks, 0 failed and 2 warn"
    assert failure(found) is None
    assert warnings(found) == {
        "fraud_model version 3: ks of score": f"2 in the week of {FIRST + WEEK}; at most 1",
        "fraud_model version 3: recall of model": f"3 in the week of {FIRST}; at most 1",
    }


def test_what_got_no_verdict_is_one_finding_with_the_numbers() -> None:
    measured = {FIRST: [judged("psi", name, 0.3, Support(40), Limits(at_most=0.2)) for name in ("a", "b", "c")]}

    (found,) = findings("3", measured)

    assert found.passed
    assert found.details == f"psi of a and 2 more in the week of {FIRST}: no verdict: 40 transactions, 500 are needed"


def test_without_weeks_there_is_nothing_to_find() -> None:
    assert (findings("3", {}), retrain_reason("3", {})) == ([], "")
