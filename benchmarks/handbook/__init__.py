"""The model on the Fraud Detection Handbook's data, by the Handbook's own protocol: `python -m benchmarks.handbook`.

Le Borgne, Siblini, Lebichot, Bontempi: "Reproducible Machine Learning for Credit Card Fraud Detection" (2022).
"""
