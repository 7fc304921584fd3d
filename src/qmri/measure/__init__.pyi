from .data import ExaminationData, ExaminationRows, Identity, LabelNote
from .examination import measure_examination
from .images import Fractures, Maps, Origin
from .shape.bodies import Body, find_bodies
from .shape.morphometry import Morphometry, measure_shape

__all__ = [
    "Body",
    "ExaminationData",
    "ExaminationRows",
    "Fractures",
    "Identity",
    "LabelNote",
    "Maps",
    "Morphometry",
    "Origin",
    "find_bodies",
    "measure_examination",
    "measure_shape",
]
