"""Checks of a finished label map, and their words."""
