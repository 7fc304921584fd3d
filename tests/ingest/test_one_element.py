"""One element of a good series is changed: the right numbers come out, or the element is named.

Every element of the headers takes its turn, in one image, in one series or in all of them: by removal, by
an empty value, by a decimal comma, by text where a number belongs and, where the rest of the headers can
tell, by another plausible value. A refusal must name the element, and so must a warning if numbers differ.
"""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from qmri.errors import QmriError
from qmri.images.nifti import read_volume
from qmri.pipeline.stages.ingest import ingest

CASES = {"maps": 40, "echoes": 120}
NUMERIC = ("DS", "IS", "FD", "FL", "US", "SS", "UL", "SL")
# Elements whose plausible other value in every image of a series nothing in the export contradicts.
NOT_TOLD = ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness")


def changed(element: pydicom.DataElement, how: str) -> pydicom.DataElement | None:
    """Return an element with another value; None where it cannot be changed so."""
    tag, numeric = element.tag, element.VR in NUMERIC
    first = element.value[0] if element.VM > 1 else element.value
    if how == "empty":
        return pydicom.DataElement(tag, element.VR, None)
    if how == "comma":
        if element.VR != "DS" or element.VM > 1:
            return None
        return pydicom.DataElement(tag, "LO", f"{float(first) + 0.25:.2f}".replace(".", ","))
    if how == "text":
        return pydicom.DataElement(tag, "LO", "see report") if numeric else None
    if element.VR == "UI":
        return pydicom.DataElement(tag, "UI", f"{element.value}.7")
    if numeric:
        other = [round(float(value) * 2 + 1) for value in (element.value if element.VM > 1 else [first])]
        written = [str(value) for value in other] if element.VR in ("DS", "IS") else other
        return pydicom.DataElement(tag, element.VR, written if element.VM > 1 else written[0])
    if element.VR in ("CS", "LO", "SH", "PN", "TM", "DA"):
        other_text = {"TM": "235959", "DA": "19990101"}.get(element.VR, "OTHER")
        return pydicom.DataElement(tag, element.VR, other_text)
    return None


def names_of(tag: pydicom.tag.BaseTag) -> tuple[str, ...]:
    """How a message may name an element."""
    keyword = keyword_for_tag(tag)
    plain = f"({tag.group:04X},{tag.element:04X})"
    block = f"({tag.group:04X},xx{tag.element & 0xFF:02X})"
    return tuple(name for name in (keyword, plain, block) if name)


class Export:
    """A good export on disk, of which images can be replaced."""

    def __init__(self, images: list[Dataset], folder: Path) -> None:
        self.images, self.folder = images, folder
        tags = {element.tag for ds in images for element in ds}
        self.tags = sorted(tag for tag in tags if tag != 0x7FE00010 and not tag.is_private_creator)
        for number, ds in enumerate(images):
            self.save(number, ds)
        self.files = [self.path(number).read_bytes() for number in range(len(images))]
        self.truth, told = self.read()
        assert told == ""

    def path(self, number: int) -> Path:
        return self.folder / f"IM{number:04d}"

    def save(self, number: int, ds: Dataset) -> None:
        ds.save_as(self.path(number), enforce_file_format=False)

    def read(self) -> tuple[dict[str, np.ndarray], str]:
        """Ingest; return every image by its name, and all warnings."""
        out = self.folder.parent / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        outcome = ingest(self.folder, "sub-01_ses-01", out)
        arrays = {}
        for file in sorted(out.glob("*.nii.gz")):
            volume = read_volume(file)
            arrays[file.name] = volume.data
            arrays[file.name + " affine"] = volume.affine
        facts = outcome.decisions.acquisition
        if facts.echo_times_s:
            arrays["facts"] = np.array([*facts.echo_times_s, facts.imaging_frequency_mhz])
        return arrays, "\n".join(outcome.warnings)

    def with_change(self, tag, how: str, chosen: list[int]) -> SimpleNamespace | None:
        """Change an element of the chosen images; return what came of it, None if it cannot be changed so."""
        chosen = [number for number in chosen if tag in self.images[number]]
        kept = {number: self.images[number][tag] for number in chosen}
        try:
            for number, element in kept.items():
                if how == "absent":
                    del self.images[number][tag]
                elif (other := changed(element, how)) is not None:
                    self.images[number][tag] = other
                else:
                    return None
                self.save(number, self.images[number])
            return self.result() if kept else None
        finally:
            for number, element in kept.items():
                self.images[number][tag] = element
                self.path(number).write_bytes(self.files[number])

    def result(self) -> SimpleNamespace:
        """Tell how the export as it lies there is taken."""
        try:
            arrays, told = self.read()
        except QmriError as error:
            return SimpleNamespace(refused=True, said=str(error), right=False)
        return SimpleNamespace(refused=False, said=told, right=self.is_truth(arrays))

    def is_truth(self, arrays: dict[str, np.ndarray]) -> bool:
        if set(arrays) != set(self.truth):
            return False
        pairs = [(arrays[name], self.truth[name]) for name in arrays]
        return all(one.shape == two.shape and np.allclose(one, two, atol=1e-3) for one, two in pairs)


@pytest.fixture(scope="module")
def exports(dicom, tmp_path_factory):
    """Maps alone, and echoes alone, of a phantom with anatomy enough for every check."""
    found = {}
    for name in ("maps", "echoes"):
        phantom = dicom.Phantom(shape=(20, 24, 3), noise=1.0, echo_times_ms=(1.2, 2.2, 3.2, 4.2))
        build = dicom.ge_new_maps if name == "maps" else dicom.ge_sources
        folder = tmp_path_factory.mktemp(name) / "dicom"
        images = build(phantom)
        dicom.write(folder, images)
        shutil.rmtree(folder)
        folder.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name] = Export(images, folder)
    return found


def cases(export: Export) -> list[tuple[object, str, str]]:
    """Return every element, how it is changed, and in which images."""
    found = []
    for tag in export.tags:
        for how in ("absent", "empty", "comma", "text", "other"):
            for scope in ("one", "series", "all"):
                told = keyword_for_tag(tag) in NOT_TOLD or scope == "all"
                if how == "other" and told and scope != "one":
                    continue
                found.append((tag, how, scope))
    return found


def images_of(export: Export, scope: str, rng) -> list[int]:
    first = int(rng.integers(len(export.images)))
    if scope == "one":
        return [first]
    same = [n for n, ds in enumerate(export.images) if ds.SeriesNumber == export.images[first].SeriesNumber]
    return same if scope == "series" else list(range(len(export.images)))


def violation(export: Export, tag, how: str, scope: str, rng) -> str:
    """Return how a change broke the promise; empty if it was kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom comments on the values that are made here
        result = export.with_change(tag, how, images_of(export, scope, rng))
    if result is None or result.right:
        return ""
    if any(name in result.said for name in names_of(tag)):
        return ""
    return (
        f"{names_of(tag)[0]} {how} in {scope}: {'refused' if result.refused else 'accepted'}: {result.said}"
    )


@pytest.mark.parametrize("form", ["maps", "echoes"])
def test_a_changed_element_is_harmless_or_named(exports, form):
    """A sample; the next test takes all, and echoes as well if EVERY_ELEMENT is in the environment."""
    export, rng = exports[form], np.random.default_rng(7)
    every = cases(export)
    chosen = [every[n] for n in sorted(rng.permutation(len(every))[: CASES[form]])]
    broken = [text for case in chosen if (text := violation(export, *case, rng))]
    assert not broken, "\n\n".join(broken)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["maps", "echoes"] if "EVERY_ELEMENT" in os.environ else ["maps"])
def test_every_element_changed_in_every_way_is_harmless_or_named(exports, form):
    export, rng = exports[form], np.random.default_rng(8)
    broken = [text for case in cases(export) if (text := violation(export, *case, rng))]
    assert not broken, "\n\n".join(broken)
