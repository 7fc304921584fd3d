"""The muscles beside the lumbar spine: fat, lean tissue, and how much of each is in view."""
