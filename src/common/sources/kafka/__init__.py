"""Kafka: its connection, a topic as its brokers describe it, and what becomes of a record's bytes. Without Spark."""
