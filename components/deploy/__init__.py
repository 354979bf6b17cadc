"""The deploy stage: the champion behind a live InferenceService, canary first."""
