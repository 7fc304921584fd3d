"""From tables to patients: who is in the analysis, what happened to them, what is missing."""
