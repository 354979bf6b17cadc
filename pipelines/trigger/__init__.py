"""The retraining trigger: alerts in, pipeline runs out, at most one for each cause."""
