"""Variables of the environment by which the jobs of a run learn what must not stand on a command line."""

STUDY_VARIABLE = "QMRI_STUDY"
"""Path of the study sheet."""
RESULTS_VARIABLE = "QMRI_RESULTS"
"""Path of the results folder."""
CONFIG_VARIABLE = "QMRI_CONFIG"
"""The whole configuration of the run as JSON."""
