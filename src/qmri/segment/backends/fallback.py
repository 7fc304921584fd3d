"""Which method makes the automatic result, which one takes over where it fails, which one is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.backends.backend import Site, flag_disagreement, segment_with_backend
from qmri.segment.backends.description import EMBEDDED, description_path, read_description
from qmri.segment.detect.detector import SpineImages
from qmri.segment.segmentation import Segmentation

Method = Callable[[], Segmentation]


def segment_as_configured(
    images: SpineImages,
    settings: SegmentSettings,
    lowest_level: str | None,
    embedded: Method,
    base: Path = Path(),
) -> Segmentation:
    """Segment with the method that the settings name.

    Parameters
    ----------
    images
        Images of the spine.
    settings
        Names the method, the fallback and the second method.
    lowest_level
        The lowest body in full view, if the user gave it.
    embedded
        The method of the package.
    base
        Folder in which a site keeps descriptions of its own.

    Raises
    ------
    QmriError
        If the method refuses and there is no fallback.
    """

    def made_by(name: str) -> Segmentation:
        if name == EMBEDDED:
            return embedded()
        site = _site(settings, name)
        description = read_description(description_path(name, base))
        return segment_with_backend(images, description, site, settings, lowest_level)

    try:
        result = made_by(settings.backend)
    except QmriError as error:
        if settings.backend == EMBEDDED or settings.backend_fallback == "fail":
            raise
        result = _noting(embedded(), "backend_failure", error)
    if settings.compare_with is None:
        return result
    try:
        other = made_by(settings.compare_with)
    except QmriError as error:
        return _noting(result, "comparison_failure", error)
    return flag_disagreement(result, other, images.affine, settings)


def _site(settings: SegmentSettings, name: str) -> Site:
    """Return what the settings tell of a program; with two programs, the second brings its own along."""
    if settings.backend not in (name, EMBEDDED):
        return Site(settings.backend_device)
    return Site(settings.backend_device, settings.backend_weights, settings.backend_environment)


def _noting(result: Segmentation, key: str, error: QmriError) -> Segmentation:
    return replace(result, evidence={**result.evidence, key: error.reason})
