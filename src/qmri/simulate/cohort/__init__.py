"""A cohort of known truth for the risk model: marker tables, clinical data, outcomes, and each true risk."""
