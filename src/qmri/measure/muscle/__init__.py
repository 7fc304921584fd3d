"""The muscles beside the lumbar spine: how much fat, how much lean tissue, and how much of them is in view."""
