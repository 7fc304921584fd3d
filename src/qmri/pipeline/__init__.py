"""Studies, results folders, records, locks, Snakemake: all that calls the science and is not science."""
