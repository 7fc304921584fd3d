"""What every part of qmri means by a spine: names of levels, the frame of a body, one colour per level."""
