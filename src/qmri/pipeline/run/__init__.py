"""A run of the workflow: its plan, its lock, its progress and its end."""
