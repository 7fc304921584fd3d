"""Two measurements of the same bodies: change between sessions, agreement of methods."""
