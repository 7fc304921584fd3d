"""Later sessions of a participant: what changed, what readers said, the outcomes, the page."""
