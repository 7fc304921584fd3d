"""One module per stage: files of an examination in, files and a record out."""
