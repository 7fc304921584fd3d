"""Two readers: a blinded second read, and the consensus of both."""
