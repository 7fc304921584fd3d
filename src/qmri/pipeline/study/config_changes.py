"""Which settings differ from those that a results folder was made with, and what is done again."""

from __future__ import annotations

from pathlib import Path

from qmri.config import Config, read_config
from qmri.errors import QmriError
from qmri.outputs.files import VERBS

STUDY_VERB = "risk"
"""Done once for a study, on the tables."""


def settings_changes(old: Config, new: Config) -> list[str]:
    """Return a line for each setting that differs, and one for the stages that will be done again.

    A stage depends on its own section and on all stages before it.

    Returns
    -------
    list of str
        Empty if nothing differs.
    """
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    changed = [
        (verb, f"{verb}.{key}: {_shown(before[verb][key])} -> {_shown(value)}")
        for verb in (*VERBS, STUDY_VERB)
        for key, value in after[verb].items()
        if value != before[verb][key]
    ]
    if not changed:
        return []
    lines = [f"changed setting {line}" for _, line in changed]
    stages = [VERBS.index(verb) for verb, _ in changed if verb in VERBS]
    if stages:
        lines.append(f"done again in every examination: {', '.join(VERBS[min(stages) :])}")
    if new.risk.clinical is not None:
        lines.append("done again for the study: risk")
    return lines


def changes_from(results: Path, new: Config) -> list[str]:
    """Return the same against the settings frozen in a results folder; nothing if it has none."""
    frozen = results / "config.yaml"
    if not frozen.is_file():
        return []
    try:
        return settings_changes(read_config(frozen), new)
    except QmriError as error:
        return [f"the settings of the earlier run cannot be compared: {error.reason}"]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    return "none" if value is None else str(value)
