"""Files of the risk pages: write the report of a model and a page for each patient into a folder."""

from __future__ import annotations

from pathlib import Path

from qmri.images.nifti import read_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.stages.risk import PATIENT_PAGES, REPORT
from qmri.report.risk.cards import LIST, Patients, list_page, patient_pages
from qmri.report.risk.charts.picture import Anatomy
from qmri.report.risk.risk_pages import applied_page, development_page, validation_page
from qmri.risk.cohort.cohort import Cohort
from qmri.risk.development import Development
from qmri.risk.frozen_model import RiskModel
from qmri.risk.performance.interval import Risks
from qmri.risk.tables.marker_tables import read_markers
from qmri.risk.tables.model_file import content_hash, model_content
from qmri.risk.validation import Validation

CARDS = f"{PATIENT_PAGES}/{LIST}"


class Images:
    """In-phase images and labels of the preoperative examinations, where a results folder has them."""

    def __init__(self, markers: Path, session: str) -> None:
        self._results = markers if (markers / "markers").is_dir() else markers.resolve().parent
        rows = read_markers(markers, session).patients
        self._names = {
            name: f"sub-{name}_ses-{row['session_id'].strip().removeprefix('ses-')}"
            for name, row in rows.items()
            if row is not None
        }

    def __call__(self, participant: str) -> Anatomy | None:
        """Return image and labels of a participant, None where the folder has none."""
        exam = self._names.get(participant, "")
        if exam.count("_") != 1:
            return None
        folder = exam_directory(self._results, exam, "segment")
        image, labels = (file_path(folder, exam, key) for key in ("inphase", "labels"))
        if not (image.is_file() and labels.is_file()):
            return None
        grey, bodies = read_volume(image), read_volume(labels)
        if grey.data.shape != bodies.data.shape:
            return None
        return Anatomy(grey.data.astype("float64"), bodies.data.astype("int32"), grey.affine)


def development_pages(found: Development, folder: Path, markers: Path) -> None:
    """Write the pages of a developed model."""
    _write(folder / REPORT, development_page(found, content_hash(model_content(found.model)), CARDS))
    _write_patients(
        folder,
        markers,
        found.cohort,
        found.model,
        found.risks,
        whose="the patients of the study",
        useful=found.performance.useful,
    )


def validation_pages(found: Validation, folder: Path, markers: Path) -> None:
    """Write the pages of a frozen model in new patients."""
    _write(folder / REPORT, validation_page(found, CARDS))
    _write_patients(
        folder, markers, found.cohort, found.model, found.risks, whose="the patients in these tables"
    )


def applied_pages(cohort: Cohort, model: RiskModel, risks: Risks, folder: Path, markers: Path) -> None:
    """Write the pages of a frozen model in patients without outcomes."""
    _write(folder / REPORT, applied_page(cohort, model, risks.risk, CARDS))
    _write_patients(folder, markers, cohort, model, risks, whose="the patients in these tables")


def _write_patients(
    folder: Path,
    markers: Path,
    cohort: Cohort,
    model: RiskModel,
    risks: Risks,
    *,
    whose: str,
    useful: bool | None = None,
) -> None:
    patients = Patients(cohort, model, risks, whose, useful, Images(markers, model.preoperative_session))
    (folder / PATIENT_PAGES).mkdir()
    _write(folder / CARDS, list_page(patients))
    for name, text in patient_pages(patients):
        _write(folder / PATIENT_PAGES / name, text)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
