from .detect.detector import Detection, Detector, SpineImages
from .detect.network_detector import NetworkDetector
from .label_table import LabelledBody
from .reader.seeds import Seeds, read_seeds
from .segmentation import Segmentation, segment_detected, segment_drawn, segment_seeded

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
