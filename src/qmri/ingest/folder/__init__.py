"""What a folder holds: files, headers, series; nothing is decided here."""
