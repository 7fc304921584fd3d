"""The sections report and review of the configuration: what people look at."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qmri.config.section import Section


class ReportSettings(Section):
    """What the pages show."""

    viewer: Annotated[
        bool, Field(description="write a page for each examination on which its maps are scrolled through")
    ] = True


class ReviewSettings(Section):
    """Which differences of two readers ask for a consensus."""

    least_dice: Annotated[
        float,
        Field(ge=0, le=1, description="outlines of one body that overlap less are a disagreement (Dice)"),
    ] = 0.8
    height_mm: Annotated[
        float, Field(gt=0, description="heights of one body that differ by more are a disagreement, mm")
    ] = 2.0
