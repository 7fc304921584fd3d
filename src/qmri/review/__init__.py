"""`qmri review`: the server for one reader on this machine, and the page that it serves."""
