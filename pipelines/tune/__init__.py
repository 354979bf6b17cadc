"""`tamis tune`: a search for better settings, here or as a pipeline."""
