"""How far the numbers of a body can be trusted: figures and flags."""
