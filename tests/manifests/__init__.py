"""The manifests as `kubectl kustomize` renders them, held to what a cluster and we ask of them."""
