"""A whole simulated study: who is in it, its files, its truth."""
