"""What values mean: units, scales, signs, and whether maps and echoes agree."""
