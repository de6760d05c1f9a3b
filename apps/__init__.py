"""What runs beside the jobs."""
