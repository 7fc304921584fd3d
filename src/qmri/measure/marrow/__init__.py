"""What is taken from the maps inside a body: region, distribution, texture, background, errors."""
