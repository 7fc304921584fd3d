"""Which images make one acquisition: complete, of one scan, or a refusal."""
