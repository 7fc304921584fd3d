"""What lies between the bodies: discs, endplates, fused neighbours, and signals over that of the canal."""
