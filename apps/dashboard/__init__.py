"""The dashboard: what a fraud team, an analyst and an engineer want to see of the lakehouse, in a browser."""
