"""Sessions of a participant side by side: what changed, and what the reader says of new fractures."""
