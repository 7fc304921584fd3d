"""What a results folder says about itself: records of stages, checksums, versions, the Methods paragraph."""
