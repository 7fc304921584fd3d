"""The regressions and their fits, on arrays alone."""
