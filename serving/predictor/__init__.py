"""The KServe predictor: opens a bundle, batches concurrent requests, scores."""
