"""The images, built and run as a cluster would: read-only, without privileges or a name."""
