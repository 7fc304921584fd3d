"""The risk that another vertebra fractures within a year, from markers and clinical data."""
