"""Domain-randomised scans of random spines: what the embedded network is trained on."""

from qmri.simulate.randomised.ingredients import EVERYTHING, Ingredients
from qmri.simulate.randomised.scan import Scan, draw_scan

__all__ = ["EVERYTHING", "Ingredients", "Scan", "draw_scan"]
