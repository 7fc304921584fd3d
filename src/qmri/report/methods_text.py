"""The Methods paragraph of what really ran, ready to paste, with its references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qmri.signal import fat_model

Record = Mapping[str, Any]

REFERENCES = {
    "model": "Yu H, et al. Magn Reson Med 2008;60:1122-1134. doi:10.1002/mrm.21737",
    "field": "Hernando D, et al. Magn Reson Med 2008;59:571-580. doi:10.1002/mrm.21397",
    "passing": "Felzenszwalb PF, Huttenlocher DP. Int J Comput Vis 2006;70:41. doi:10.1007/s11263-006-7899-4",
    "genant": "Genant HK, et al. J Bone Miner Res 1993;8:1137-1148. doi:10.1002/jbmr.5650080915",
    "ibsi": "Zwanenburg A, et al. Radiology 2020;295:328-338. doi:10.1148/radiol.2020191145",
    "snakemake": "Mölder F, et al. F1000Research 2021;10:33. doi:10.12688/f1000research.29032.1",
}


@dataclass(frozen=True)
class Methods:
    """The paragraph and the references it cites, in order."""

    text: str
    references: tuple[str, ...]


def methods_of(records: Sequence[Mapping[str, Record]]) -> Methods:
    """Return the paragraph for examinations, each a record by verb; of those that failed nothing is said."""
    done = [exam for exam in records if exam.get("measure", {}).get("status") == "ok"]
    if not done:
        return Methods("", ())
    cited: list[str] = []

    def cite(key: str) -> str:
        if key not in cited:
            cited.append(key)
        return f"[{cited.index(key) + 1}]"

    fits = [exam["fit"].get("decisions", {}) for exam in done]
    sentences = [
        _scanners(fits),
        _fits(fits, cite),
        _labels([exam["segment"].get("decisions", {}) for exam in done]),
        _markers(done[0]["measure"]["settings"], cite),
    ]
    versions = sorted({exam["measure"]["software"]["qmri"] for exam in done})
    sentences.append(f"The analysis used qmri {', '.join(versions)} under Snakemake {cite('snakemake')}.")
    return Methods(" ".join(filter(None, sentences)), tuple(REFERENCES.get(key, key) for key in cited))


def _scanners(fits: Sequence[Record]) -> str:
    facts = [fit.get("acquisition") or {} for fit in fits]
    models = sorted({f"{fact['model']} ({fact['field_strength_t']:g} T)" for fact in facts if _known(fact)})
    return f"Images were acquired on {', '.join(models)}." if models else ""


def _known(fact: Record) -> bool:
    return bool(fact.get("model")) and fact.get("field_strength_t") is not None


def _fits(fits: Sequence[Record], cite: Callable[[str], str]) -> str:
    fitted = [fit for fit in fits if fit.get("recon_mode") != "vendor"]
    adopted = len(fits) - len(fitted)
    sentences = []
    if fitted:
        spectra = sorted({str(fit.get("fat_model_id")) for fit in fitted})
        model, field, passing = cite("model"), cite("field"), cite("passing")
        named = " and ".join(f"{name} {cite(fat_model(name).source)}" for name in spectra)
        sentences.append(
            f"In {_count(fitted)} PDFF and R2* were estimated from the echoes by a chemical-shift model with "
            f"one R2* {model} and the fat spectrum {named}; the field was chosen over the whole "
            f"image {field} by message passing {passing}."
        )
    if adopted:
        sentences.append(
            f"In {_count(range(adopted))} the PDFF and R2* maps of the scanner were used as exported."
        )
    return " ".join(sentences)


def _labels(decisions: Sequence[Record]) -> str:
    by_reader = [decision for decision in decisions if decision.get("labels_sha256")]
    automatic = range(len(decisions) - len(by_reader))
    parts = [f"segmented by qmri in {_count(automatic)}"] if automatic else []
    parts += [f"drawn or corrected by a reader in {_count(by_reader)}"] if by_reader else []
    return f"Vertebral bodies were {' and '.join(parts)}."


def _markers(settings: Record, cite: Callable[[str], str]) -> str:
    return (
        f"Markers were taken from the bodies eroded by {settings['erosion_mm']:g} mm, at most a fifth of the "
        "least height, without voids and the basivertebral vein. Heights were read from surfaces fitted to "
        "the endplates of the labels at 15, 50 and 85 % of the depth; height loss was graded by its extent "
        f"{cite('genant')}. Texture follows the IBSI {cite('ibsi')} with bins of "
        f"{settings['texture_bin_pct']:g} % PDFF. Background marrow is the median over the unfractured "
        "levels that passed quality control, each level counting once."
    )


def _count(items: Sequence[object]) -> str:
    return f"{len(items)} examination{'s' if len(items) > 1 else ''}"
