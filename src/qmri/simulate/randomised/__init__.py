"""Domain-randomised scans of random spines: what the embedded network is trained on."""

from qmri.simulate.randomised.scan import Scan, draw_scan

__all__ = ["Scan", "draw_scan"]
