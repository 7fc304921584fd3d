"""One anatomy model for the digital reference study and for the training of the embedded network."""

from qmri.simulate.anatomy.draw import draw_spine
from qmri.simulate.anatomy.render import Rendering, render
from qmri.simulate.anatomy.spine import (
    Arch,
    Body,
    Canal,
    Disc,
    Fracture,
    Lesion,
    Spine,
    SpineRecipe,
    Trunk,
)
from qmri.simulate.anatomy.tissues import Tissue

__all__ = [
    "Arch",
    "Body",
    "Canal",
    "Disc",
    "Fracture",
    "Lesion",
    "Rendering",
    "Spine",
    "SpineRecipe",
    "Tissue",
    "Trunk",
    "draw_spine",
    "render",
]
