"""The digital reference study: spines of known truth, written as a scanner would."""
