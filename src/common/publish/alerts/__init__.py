"""Alerts told to customers and the fraud team, once each, from an outbox in PostgreSQL."""
