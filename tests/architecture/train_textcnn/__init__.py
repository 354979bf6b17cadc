"""A convolutional network over token vectors, max pooled (Kim 2014)."""
