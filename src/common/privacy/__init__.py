"""People erased from all layers, and what nobody can be found in expired."""
