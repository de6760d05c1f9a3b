"""The model after it went live: drift from its training window, alerts, and performance once labels are mature."""
