"""The prediction service: a KServe predictor behind a transformer that knows who may ask."""
