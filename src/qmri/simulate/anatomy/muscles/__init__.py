"""The muscles beside the spine: as data, drawn, painted."""
