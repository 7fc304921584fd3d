"""How precise the maps are, what the noise does to them, and where the model does not hold."""
