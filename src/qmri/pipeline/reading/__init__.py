"""The reader's loop on disk: what is handed out, what comes back, what waits."""
