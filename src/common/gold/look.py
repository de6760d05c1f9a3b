"""Looks at marts that the notebooks end with."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure


def fraud_by_day(summary: pd.DataFrame) -> Figure | None:
    """Fraud by day in numbers, as a share and as alerts; `summary` is gold.daily_fraud_summary. None without days."""
    if summary.empty:
        return None
    drawn, (rate, alerts) = plt.subplots(2, 1, figsize=(12, 6), sharex=True, layout="constrained")
    days = pd.to_datetime(summary["event_date"])
    rate.plot(days, 100 * summary["fraud_rate"], color="#b5532a")
    rate.set_title("Transactions reported as fraud")
    rate.set_ylabel("% of the day")
    alerts.bar(days, summary["frauds"], color="#d9d9d9", label="reported as fraud")
    alerts.bar(days, summary["alerts"], color="#4878a8", alpha=0.8, width=0.5, label="alerts")
    alerts.bar(days, summary["alerts_confirmed"], color="#1f3a5f", width=0.5, label="alerts that are reported as fraud")
    alerts.set_title("Alerts and fraud")
    alerts.set_ylabel("transactions")
    alerts.legend(loc="upper left", frameon=False)
    plt.close(drawn)
    return drawn
