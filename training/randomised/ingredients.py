"""What the generator varies beyond the ordinary spine; each can be left out to see what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["ordinary", "diseased", "transitional", "crude"]


@dataclass(frozen=True)
class Ingredients:
    """Switches of the generator.

    Attributes
    ----------
    disease
        Fractures, lesions, cement, screws, slips, scoliosis, degenerate discs.
    crude
        Phantom-like spines: plain bodies, few surroundings, a stump of sacrum or none.
    transitional
        Lumbarised and sacralised junctions.
    sacrum
        The sacrum in all its shapes; else the ordinary one.
    contrast
        Signals drawn at random; else plausible ones alone.
    fat
        A fat image beside the water image in half of the scans.
    views
        Axial, coronal and thick slices, and views that end above or far below the sacrum; else sagittal
        slices of 4 mm that end in S1 or S2.
    artefacts
        Shading, blur, ghosts, swaps, noise above one per cent, other gamma.
    muscles
        Muscles of any shape and fat, some absent; else those of the anatomy model.
    """

    disease: bool = True
    crude: bool = True
    transitional: bool = True
    sacrum: bool = True
    contrast: bool = True
    fat: bool = True
    views: bool = True
    artefacts: bool = True
    muscles: bool = True


EVERYTHING = Ingredients()
