"""The three forms in which IDEAL-IQ leaves a GE scanner: echoes, new-style maps, legacy maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from qmri.simulate.dicom.ge_headers import Frame, Scan, Series, make_dataset

ORIGINAL = ("ORIGINAL", "PRIMARY", "OTHER")
FAT_FRACTION_WINDOW = (50.0, 299.0)
FAT_FRACTION_RANGE = (-100.0, 200.0)
R2STAR_RANGE = (0.0, 2000.0)
BRIGHTEST = 4000.0
FILE_NAMES = {
    "sources": "IM{0:05d}.dcm",
    "maps": "MR{0:05d}.dcm",
    "both": "IM{0:05d}",
    "legacy": "i{0:06d}.MRDC.{0}",
}
"""Names of files by form of export: with and without an extension, as archives differ."""


@dataclass(frozen=True)
class ScannerMaps:
    """What a scanner computes from the echoes; arrays (column, row, slice).

    Attributes
    ----------
    water, fat, in_phase, out_phase
        Signals, any unit.
    pdff
        Percent.
    r2star
        1/s.
    """

    water: NDArray[np.float64]
    fat: NDArray[np.float64]
    in_phase: NDArray[np.float64]
    out_phase: NDArray[np.float64]
    pdff: NDArray[np.float64]
    r2star: NDArray[np.float64]


def echo_images(scan: Scan, echoes: NDArray[np.complex128]) -> Iterator[Dataset]:
    """Yield the source images: magnitude, real and imaginary of each echo mixed in one series.

    GE writes the conjugate of the signal and turns every second slice by 180 degrees.

    Parameters
    ----------
    scan
        The examination.
    echoes
        Complex signal (column, row, slice, echo).
    """
    series = Series(5, scan.protocol.name, (*scan.key, "sources"))
    slices, count = echoes.shape[2:]
    chopped = np.conj(echoes) * np.where(np.arange(slices) % 2, -1.0, 1.0)[:, np.newaxis]
    chopped *= BRIGHTEST / np.percentile(np.abs(chopped), 99.9)
    parts = {0: np.abs(chopped), 2: chopped.real, 3: chopped.imag}
    largest = int(min(np.abs(chopped).max(), np.iinfo(np.int16).max))
    instance = 0
    for index in _acquired_order(slices):
        for echo in range(count):
            for component, image in parts.items():
                instance += 1
                yield make_dataset(
                    scan,
                    series,
                    Frame(
                        to_int16(image[:, :, index, echo]),
                        index,
                        instance,
                        ORIGINAL,
                        window=(BRIGHTEST / 2, BRIGHTEST),
                        largest=largest,
                        component=component,
                        echo=echo,
                    ),
                )


def new_style_maps(scan: Scan, maps: ScannerMaps) -> Iterator[Dataset]:
    """Yield the maps of newer software: the four signals interleaved in one series, the two maps apart."""
    name = scan.protocol.name
    scale = BRIGHTEST / np.percentile(maps.in_phase, 99.9)
    signals = {
        "WATER": maps.water * scale,
        "FAT": maps.fat * scale,
        "IN_PHASE": maps.in_phase * scale,
        "OUT_PHASE": maps.out_phase * scale,
    }
    series = Series(500, f"WATER: {name}", (*scan.key, "signals"))
    yield from _interleaved(scan, series, signals)
    fraction = np.clip(maps.pdff, *FAT_FRACTION_RANGE)
    series = Series(501, f"FatFrac: {name}", (*scan.key, "fat fraction"))
    yield from _map_series(scan, series, fraction, _dixon("FAT_FRACTION"), FAT_FRACTION_WINDOW)
    series = Series(502, f"R2*: {name}", (*scan.key, "r2star"))
    rate = np.clip(maps.r2star, *R2STAR_RANGE)
    yield from _map_series(scan, series, rate, _dixon("R2_STAR_MAP"), (150.0, 300.0))


def legacy_maps(scan: Scan, maps: ScannerMaps) -> Iterator[Dataset]:
    """Yield the maps of old software: every ImageType is ORIGINAL, only descriptions tell them apart.

    ``T2*:Water`` is water corrected for T2* decay, not a map of T2*; ``WATER`` still has the decay to
    the first echo. EchoTime and LargestImagePixelValue are copied from the source images.
    """
    name = scan.protocol.name
    scale = BRIGHTEST / np.percentile(maps.in_phase, 99.9)
    decay = np.exp(-np.clip(maps.r2star, *R2STAR_RANGE) * scan.protocol.echo_times_s[0])
    signal_window = (BRIGHTEST / 2, BRIGHTEST)
    contents = (
        (5, f"WATER:{name}", maps.water * decay * scale, signal_window),
        (599, name, maps.in_phase * scale, signal_window),
        (15992, f"T2*:Water:{name}", maps.water * scale, signal_window),
        (15995, f"FAT:{name}", maps.fat * scale, signal_window),
        (15996, f"R2*:{name}", np.clip(maps.r2star, *R2STAR_RANGE), (150.0, 300.0)),
        (15998, f"FatFrac(%):{name}", np.clip(maps.pdff, *FAT_FRACTION_RANGE), FAT_FRACTION_WINDOW),
    )
    for number, description, image, window in contents:
        series = Series(number, description, (*scan.key, description))
        yield from _map_series(scan, series, image, ORIGINAL, window)


def write_files(directory: Path, images: Iterable[Dataset], form: str, rng: np.random.Generator) -> int:
    """Write images, one folder a series, under the names of an archive, in an order that tells nothing.

    Returns
    -------
    int
        The number of files.
    """
    images = list(images)
    numbers = rng.permutation(len(images))
    folders: dict[str, Path] = {}
    for dataset, number in zip(images, numbers, strict=True):
        folder = folders.setdefault(dataset.SeriesInstanceUID, directory / f"SE{len(folders)}")
        folder.mkdir(parents=True, exist_ok=True)
        dataset.save_as(folder / FILE_NAMES[form].format(number + 1), enforce_file_format=True)
    return len(images)


def to_int16(image: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round to the nearest int16; values beyond its range become its ends; any shape, (...)."""
    limits = np.iinfo(np.int16)
    rounded: NDArray[np.int16] = np.clip(np.rint(image), limits.min, limits.max).astype(np.int16)
    return rounded


def _interleaved(scan: Scan, series: Series, images: dict[str, NDArray[np.float64]]) -> Iterator[Dataset]:
    largest = int(max(image.max() for image in images.values()))
    instance = 0
    for index in _acquired_order(scan.grid.shape[2]):
        for variant, (name, image) in enumerate(images.items(), start=1):
            instance += 1
            yield make_dataset(
                scan,
                series,
                Frame(
                    to_int16(image[:, :, index]),
                    index,
                    instance,
                    _dixon(name),
                    window=(BRIGHTEST / 2, BRIGHTEST),
                    largest=largest,
                    variant=variant,
                ),
            )


def _map_series(
    scan: Scan,
    series: Series,
    image: NDArray[np.float64],
    image_type: tuple[str, ...],
    window: tuple[float, float],
) -> Iterator[Dataset]:
    for instance, index in enumerate(_acquired_order(scan.grid.shape[2]), start=1):
        frame = Frame(
            to_int16(image[:, :, index]), index, instance, image_type, window=window, largest=int(BRIGHTEST)
        )
        yield make_dataset(scan, series, frame)


def _dixon(name: str) -> tuple[str, ...]:
    return ("DERIVED", "PRIMARY", "DIXON", name)


def _acquired_order(slices: int) -> list[int]:
    """Return the slice index of each InstanceNumber: 1 is the third of the stack, as GE has it."""
    return [(start + 2) % slices for start in range(slices)]
