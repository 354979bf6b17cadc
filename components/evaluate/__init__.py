"""A bundle's worth: metrics with intervals, calibration, slices, behaviour, a report."""
