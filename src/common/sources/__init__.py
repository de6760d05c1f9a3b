"""Where records come from: declarations (YAML) and one reader a kind."""
