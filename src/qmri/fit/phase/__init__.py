"""What the phases of the echoes say: their sign, errors of single echoes, phase of fat."""
