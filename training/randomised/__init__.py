"""Domain-randomised scans of random spines: what the embedded network is trained on."""

from randomised.ingredients import EVERYTHING, Ingredients
from randomised.scan import Scan, draw_scan

__all__ = ["EVERYTHING", "Ingredients", "Scan", "draw_scan"]
