"""The page of one examination."""
