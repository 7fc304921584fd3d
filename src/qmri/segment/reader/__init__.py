"""The reader's loop: what a reader gets, what a reader gives back, and what is made of it."""
