"""The Kubernetes API as the stages use it."""
