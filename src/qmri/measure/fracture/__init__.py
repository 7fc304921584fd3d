"""What the maps tell of a fracture: oedema and its age, clefts, replaced marrow, cement."""
