"""Gauss-Newton on every voxel: variable projection, derivatives, steps, the first pass and the last."""
