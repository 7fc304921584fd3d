"""The rim: one module per sub-command, which parses options and calls the stage."""
