"""The ways of fitting (complex, assisted, hybrid, magnitude), and how the data choose among them."""
