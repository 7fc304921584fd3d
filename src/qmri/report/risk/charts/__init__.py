"""The charts of the risk pages, as SVG."""
