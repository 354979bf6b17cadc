"""`make loop`: from drift to a better model on this machine, with nothing played."""
