"""The physics of a simulated scan: what tissues emit, the field, the coils, motion."""
