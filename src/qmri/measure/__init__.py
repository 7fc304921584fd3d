"""From maps and labels to markers: one row per vertebra, one per examination."""
