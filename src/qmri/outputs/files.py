"""Every file that a stage writes for an examination, by key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

VERBS = ("ingest", "fit", "segment", "measure", "report")


@dataclass(frozen=True)
class FileOutput:
    """One kind of file.

    Attributes
    ----------
    verb
        The stage that writes it, which is also the folder it lies in.
    suffix
        What follows ``sub-<participant>_ses-<session>_`` in the file name.
    unit
        Unit of the values, None where there is none.
    description
        One sentence for a reader of docs/outputs.md and of the sidecar.
    """

    verb: str
    suffix: str
    unit: str | None
    description: str


FILES: dict[str, FileOutput] = {
    **{
        f"{verb}_record": FileOutput(
            verb, f"{verb}.json", None, f"Record of the {verb} stage: status, decisions, versions, checksums."
        )
        for verb in VERBS
    },
    "echoes_real": FileOutput(
        "ingest", "part-real_MEGRE.nii.gz", "arbitrary", "Real part of the echoes (x, y, z, echo)."
    ),
    "echoes_imag": FileOutput(
        "ingest", "part-imag_MEGRE.nii.gz", "arbitrary", "Imaginary part of the echoes (x, y, z, echo)."
    ),
    "echoes_magnitude": FileOutput(
        "ingest",
        "part-mag_MEGRE.nii.gz",
        "arbitrary",
        "Magnitude of the echoes, where no phase was exported.",
    ),
    "vendor_pdff": FileOutput(
        "ingest", "desc-vendor_PDFFmap.nii.gz", "percent", "Proton density fat fraction made by the scanner."
    ),
    "vendor_r2star": FileOutput("ingest", "desc-vendor_R2starmap.nii.gz", "1/s", "R2* made by the scanner."),
    "vendor_water": FileOutput(
        "ingest", "desc-vendor_water.nii.gz", "arbitrary", "Water image of the scanner."
    ),
    "vendor_fat": FileOutput("ingest", "desc-vendor_fat.nii.gz", "arbitrary", "Fat image of the scanner."),
    "vendor_inphase": FileOutput(
        "ingest", "desc-vendor_inphase.nii.gz", "arbitrary", "In-phase image of the scanner."
    ),
    "pdff": FileOutput(
        "fit", "PDFFmap.nii.gz", "percent", "Proton density fat fraction, signed: noise may leave 0-100."
    ),
    "r2star": FileOutput("fit", "R2starmap.nii.gz", "1/s", "Effective transverse relaxation rate R2*."),
    "water": FileOutput("fit", "water.nii.gz", "arbitrary", "Signed water signal at echo time 0."),
    "fat": FileOutput("fit", "fat.nii.gz", "arbitrary", "Signed fat signal at echo time 0."),
    "field": FileOutput("fit", "fieldmap.nii.gz", "Hz", "Off-resonance frequency of water."),
    "pdff_sd": FileOutput(
        "fit", "desc-sd_PDFFmap.nii.gz", "percent", "Standard deviation of the PDFF of a voxel from noise."
    ),
    "r2star_sd": FileOutput(
        "fit", "desc-sd_R2starmap.nii.gz", "1/s", "Standard deviation of the R2* of a voxel from noise."
    ),
    "r2star_shift": FileOutput(
        "fit",
        "desc-shift_R2starmap.nii.gz",
        "1/s",
        "What R2* holds beyond least squares so that noise does not move its median; not for means.",
    ),
    "residual": FileOutput(
        "fit",
        "desc-residual_map.nii.gz",
        "1",
        "Root of the residual energy over the signal energy of a voxel.",
    ),
    "rchi2": FileOutput(
        "fit",
        "desc-rchi2_map.nii.gz",
        "1",
        "Reduced chi-square of a voxel against the image noise and a model error of 3 % of the signal.",
    ),
    "swap_risk": FileOutput(
        "fit", "desc-swaprisk_map.nii.gz", "1", "Risk 0-1 that water and fat are exchanged in a voxel."
    ),
    "reason": FileOutput(
        "fit", "desc-reason_map.nii.gz", None, "Why a voxel has no value; the codes are in the sidecar."
    ),
    "labels": FileOutput("segment", "dseg.nii.gz", None, "Label map of the vertebral bodies."),
    "labels_table": FileOutput(
        "segment", "dseg.tsv", None, "Index, level, centre, confidence and flags of each labelled body."
    ),
    "auto_labels": FileOutput(
        "segment", "desc-auto_dseg.nii.gz", None, "Label map before a reader's correction."
    ),
    "auto_labels_table": FileOutput(
        "segment", "desc-auto_dseg.tsv", None, "The table of the label map before a reader's correction."
    ),
    "auto_seeds": FileOutput(
        "segment",
        "desc-auto_seeds.mrk.json",
        "mm",
        "Centre of each body before a reader's correction, as points of 3D Slicer.",
    ),
    "inphase": FileOutput(
        "segment",
        "inphase.nii.gz",
        "arbitrary",
        "In-phase image |water + fat| for the reader; water where that is all there is.",
    ),
    "itksnap_labels": FileOutput(
        "segment", "labels.label", None, "Names and colours of the levels for ITK-SNAP."
    ),
    "slicer_colours": FileOutput(
        "segment", "labels.ctbl", None, "Names and colours of the levels for 3D Slicer."
    ),
    "tissues": FileOutput(
        "segment",
        "desc-tissue_dseg.nii.gz",
        None,
        "Label map of canal, discs and trunk muscles by the network; the ids are in the sidecar.",
    ),
    "sheet": FileOutput(
        "segment", "sheet.png", None, "Picture for the reader: outlines, level names, confidence."
    ),
    "exam_vertebrae": FileOutput(
        "measure", "vertebrae.csv", None, "The examination's rows of vertebrae.csv."
    ),
    "exam_patient": FileOutput("measure", "patient.csv", None, "The examination's row of patients.csv."),
    "roi": FileOutput(
        "measure", "desc-roi_dseg.nii.gz", None, "Label map of the regions in which the markers were taken."
    ),
    "exam_flags": FileOutput("measure", "flags.csv", None, "The examination's rows of flags.csv."),
    "exam_discs": FileOutput("measure", "discs.csv", None, "The examination's rows of discs.csv."),
    "exam_muscles": FileOutput("measure", "muscles.csv", None, "The examination's rows of muscles.csv."),
    "exam_vertebrae_dictionary": FileOutput(
        "measure", "vertebrae.json", None, "What each column of vertebrae.csv means; where measured on files."
    ),
    "exam_patient_dictionary": FileOutput(
        "measure", "patient.json", None, "What each column of patient.csv means; where measured on files."
    ),
    "exam_flags_dictionary": FileOutput(
        "measure", "flags.json", None, "What each column of flags.csv means; where measured on files."
    ),
    "exam_discs_dictionary": FileOutput(
        "measure", "discs.json", None, "What each column of discs.csv means; where measured on files."
    ),
    "exam_muscles_dictionary": FileOutput(
        "measure", "muscles.json", None, "What each column of muscles.csv means; where measured on files."
    ),
    "viewer": FileOutput(
        "report", "viewer.html", None, "Maps and labels on scroll in a browser, without network."
    ),
    "page": FileOutput("report", "report.html", None, "Page of the examination."),
    "thumbnail": FileOutput("report", "thumbnail.png", None, "Small PDFF picture for the page of the study."),
}


PARTICIPANT_PAGES = "report/participants"


def participant_page(results: Path, subject: str) -> Path:
    """Return the page of a participant with several sessions, e.g. of ``sub-01``."""
    return results / PARTICIPANT_PAGES / f"{subject}.html"


def exam_directory(results: Path, exam: str, verb: str) -> Path:
    """Return the folder of a stage of an examination, e.g. results/sub-01/ses-pre/fit."""
    participant, session = exam.split("_")
    return results / participant / session / verb


def file_path(directory: Path, exam: str, key: str) -> Path:
    """Return the path of an output in its stage's folder."""
    return directory / f"{exam}_{FILES[key].suffix}"


def record_path(results: Path, exam: str, verb: str) -> Path:
    """Return the path of the record of a stage of an examination in a results folder."""
    return file_path(exam_directory(results, exam, verb), exam, f"{verb}_record")
