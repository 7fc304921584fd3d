"""The embedded network: images in, ordered bodies with the probability of their numbering out."""

from qmri.segment.detect.network_detector import NetworkDetector

__all__ = ["NetworkDetector"]
