from .cohort.cohort import Cohort, Outcomes
from .development import Development, develop
from .frozen_model import RiskModel
from .performance.interval import Risks
from .performance.sample_size import SampleSize, sample_size
from .procedure import Fitted, fit_procedure
from .validation import Validation, validate

__all__ = [
    "Cohort",
    "Development",
    "Fitted",
    "Outcomes",
    "RiskModel",
    "Risks",
    "SampleSize",
    "Validation",
    "develop",
    "fit_procedure",
    "sample_size",
    "validate",
]
