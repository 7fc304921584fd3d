"""The simulated images as a GE scanner exports them: invented people, headers, files."""
