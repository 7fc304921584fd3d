"""Heights, axes, curvature and deformity of bodies."""
