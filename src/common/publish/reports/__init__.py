"""Reports: CSV files for people and programs outside, each a query, written once a period."""
