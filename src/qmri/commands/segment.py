"""``qmri segment``: a label map of the vertebral bodies."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from qmri.commands import add_study_arguments, study_job
from qmri.errors import QmriError

log = logging.getLogger(__name__)

DESCRIPTION = """\
Find, cut and name the vertebral bodies in the images of one examination.

Writes LABELS.nii.gz (L1-L5 = 20-24, T1-T12 = 8-19), LABELS.tsv (centre, completeness, confidence
and flags of every body) and LABELS.json (how the levels were named). A file of seeds has the
columns level, x_mm, y_mm, z_mm (RAS+); a single seed names all bodies that are found, several
are cut as they are. With neither seeds nor a level the bodies are named from the sacrum, and marked as
not verified where that is in doubt.

Beside them a reader finds NAME_sheet.png, an in-phase image, names and colours for ITK-SNAP and 3D Slicer,
and points (NAME is that of LABELS without _dseg). A NAME_desc-manual_dseg.nii.gz or .seg.nrrd, or moved
points, that a reader saves there counts in the next run (docs/reader.md)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the sub-command."""
    parser.description = DESCRIPTION
    parser.add_argument("--water", type=Path, metavar="W", help="water image (NIfTI)")
    parser.add_argument("--fat", type=Path, metavar="F", help="fat image on the same grid")
    parser.add_argument("--pdff", type=Path, metavar="P", help="PDFF map in percent on the same grid")
    anchor = parser.add_mutually_exclusive_group()
    anchor.add_argument("--lowest-level", metavar="L5", help="the lowest body that is fully in view")
    anchor.add_argument("--seeds", type=Path, metavar="FILE", help="one point per body")
    anchor.add_argument("--labels", type=Path, metavar="FILE", help="a reader's label map to check and adopt")
    parser.add_argument("--out", type=Path, metavar="LABELS", help="label map to write (.nii.gz)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="config.yaml with other settings")
    add_study_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Segment and return the exit status."""
    from qmri.config import read_config
    from qmri.pipeline.stages.segment import Anchors, ImageFiles, segment_examination, segment_files
    from qmri.spine.levels import parse_level

    if options.exam is not None:
        job = study_job(options)
        segment_examination(job.exam, job.results, job.config.segment)
        return 0
    for name in ("water", "out"):
        if getattr(options, name) is None:
            raise QmriError(f"--{name} is missing", expected="--water W --out LABELS.nii.gz, or --exam NAME")
    if not options.out.name.endswith((".nii.gz", ".nii")):
        raise QmriError("--out is no NIfTI file", found=options.out.name, expected="a name in .nii.gz")
    level = parse_level(options.lowest_level) if options.lowest_level else None
    segmentation = segment_files(
        ImageFiles(options.water, options.fat, options.pdff),
        Anchors(level, options.seeds, options.labels),
        options.out,
        read_config(options.config).segment,
    )
    for body in segmentation.bodies:
        found = ", ".join(flag.evidence for flag in body.flags)
        log.info("%-4s %6d voxels  %s", body.name, body.n_voxels, found)
    for doubt in segmentation.naming.doubts:
        log.warning("not verified: %s", doubt)
    return 0
