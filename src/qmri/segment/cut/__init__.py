"""From a point in a body to its surface: contrast, template, cost, the cheapest smooth surface."""
