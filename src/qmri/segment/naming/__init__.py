"""From bodies in order to names of levels, and how far the view supports them."""
