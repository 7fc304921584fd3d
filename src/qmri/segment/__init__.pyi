from .detect.detector import Detection, Detector, SpineImages
from .detect.network_detector import NetworkDetector
from .reader.seeds import Seeds, read_seeds
from .segmentation import LabelledBody, Segmentation, segment_detected, segment_drawn, segment_seeded

__all__ = [
    "Detection",
    "Detector",
    "LabelledBody",
    "NetworkDetector",
    "Seeds",
    "Segmentation",
    "SpineImages",
    "read_seeds",
    "segment_detected",
    "segment_drawn",
    "segment_seeded",
]
