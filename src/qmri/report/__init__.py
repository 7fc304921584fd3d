"""Pages a person looks at: one per examination, one for the study."""
