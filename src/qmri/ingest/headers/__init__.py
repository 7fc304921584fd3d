"""What the header of one image says: typed elements, identity, place, image type."""
