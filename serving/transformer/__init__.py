"""The transformer: authentication, forwarding, drift scoring, feedback."""
