"""From maps to a label map of named vertebral bodies."""
