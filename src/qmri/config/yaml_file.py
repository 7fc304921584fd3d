"""Read a YAML table of settings so that nothing in it is lost or taken for something else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from qmri.errors import QmriError


class _Loader(yaml.SafeLoader):
    """YAML in which no key stands twice and no number is octal or sexagesimal."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a table whose keys all differ."""
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise QmriError(
                    f"setting {key.value!r} is given twice",
                    found=f"again in line {key.start_mark.line + 1}",
                    expected="each setting once",
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Return a decimal number; `010` would be 8 and `1:30` would be 90."""
        text = str(node.value)
        if ":" in text or re.fullmatch(r"[-+]?0[0-9_xb][0-9a-fA-F_]*", text):
            raise QmriError(
                f"{text!r} is no decimal number",
                found=f"line {node.start_mark.line + 1}",
                expected="digits without leading zeros or colons; quote what is no number",
            )
        if node.tag.endswith(":int"):
            return int(self.construct_yaml_int(node))
        return float(self.construct_yaml_float(node))


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.construct_number)


def read_table(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a table.

    Raises
    ------
    QmriError
        If the file is missing, is no UTF-8 text, no YAML or no table, or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise QmriError("there is no configuration file", where=path.name) from None
    except UnicodeDecodeError as error:
        raise QmriError(
            "the configuration is not UTF-8 text",
            where=path.name,
            found=f"byte {error.object[error.start]:#04x} at place {error.start}",
            remedy="save it as UTF-8",
        ) from None
    except OSError as error:
        raise QmriError("the configuration cannot be read", where=path.name, found=error.strerror) from None
    try:
        content = yaml.load(text, Loader=_Loader)
    except QmriError as error:
        error.where = path.name
        raise
    except yaml.YAMLError as error:
        raise QmriError("the configuration is not valid YAML", where=path.name, found=str(error)) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise QmriError("the configuration is not a table of sections", where=path.name)
    return content
