"""gold.model_monitoring: how the model in use does, week by week."""

from common.contracts.table import Check, Column, Table, one_of

DRIFT = ("psi", "ks")
"""How far a feature or the score is from the training window: population stability index, Kolmogorov-Smirnov."""

PERFORMANCE = ("average_precision", "card_precision", "recall", "calibration_ratio")
"""What is known once the labels of a week are mature."""

METRICS = (
    *DRIFT,
    "null_share",
    "score_share",
    "rule_rate",
    "alert_rate",
    "alerted_cards_per_day",
    *PERFORMANCE,
    "hours_behind",
    "reference_rows",
)

MODEL_MONITORING = Table(
    name="gold.model_monitoring",
    comment="The model in use, week by week: drift from its training window, alerts, and its figures once labels are "
    "mature. A week belongs to the version that scored most of it; backfill and weeks that are not whole are left out.",
    grain="one figure of one subject, model version and week",
    key=("model_version", "period_start", "metric", "subject"),
    key_scope="period_start",
    columns=(
        Column("model_version", "string", "Version of the registered model."),
        Column("period_start", "date", "Monday that the week begins with, UTC."),
        Column("period_end", "date", "The Monday after it, exclusive."),
        Column("metric", "string", f"What was measured: {', '.join(METRICS)}."),
        Column("subject", "string", "Of what: a feature, score or a part of its range, a rule, a table, or model."),
        Column("value", "double", "The figure."),
        Column(
            "baseline",
            "double",
            "What is usual, in training or by the budget; psi, ks: between its weeks.",
        ),
        Column("at_least", "double", "Below it the figure is breached; null: no such limit."),
        Column("at_most", "double", "Above it the figure is breached; null: no such limit."),
        Column("is_breached", "boolean", "Whether the figure is beyond a limit; null: no verdict."),
        Column("rows", "bigint", "Transactions or, for figures of performance, frauds that it rests on."),
        Column("note", "string", "Why there is no verdict, where limits exist; empty otherwise."),
        Column("computed_at", "timestamp", "When this figure was last computed with another outcome, UTC."),
    ),
    checks=(
        one_of("metric", METRICS),
        Check(
            "period_is_a_week",
            ("period_start", "period_end"),
            "period_end = period_start + 7 AND weekday(period_start) = 0",
            "must be a week that begins on a Monday",
        ),
    ),
    cluster_by=("period_start",),
)
