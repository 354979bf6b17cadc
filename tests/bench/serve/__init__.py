"""`make bench-serve`: our service beside those that do this job today, all in one run."""
