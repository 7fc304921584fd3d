"""What every section of the configuration refuses: unknown keys, booleans in disguise, ranges upside down."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

NUMBERS = (int, float, float | None, tuple[int, int], tuple[float, float])


class Section(BaseModel):
    """A section of the configuration, frozen once it is checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_in_disguise(cls, value: object, info: ValidationInfo) -> object:
        """Refuse YAML's yes, no, on and off where they would count as 1 and 0."""
        field: FieldInfo = cls.model_fields[str(info.field_name)]
        given = value if isinstance(value, list | tuple) else [value]
        if field.annotation is not bool and any(isinstance(item, bool) for item in given):
            kind = "number" if field.annotation in NUMBERS else "text; what is meant as a word takes quotes"
            raise PydanticCustomError("no_boolean", "another value: yes or no is no {kind}", {"kind": kind})
        return value


def upward(limits: tuple[float, float]) -> tuple[float, float]:
    """Check that a range runs from its lower to its upper end.

    Raises
    ------
    PydanticCustomError
        If it does not.
    """
    if limits[0] > limits[1]:
        raise PydanticCustomError("range", "the lower limit first, then the upper")
    return limits
