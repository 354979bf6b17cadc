"""Drift: has what the model is asked, what it answers, or how often it is right, changed?

Pure statistics on arrays; the service's drift worker, the `drift-check` stage and `tamis drift`
run the same code.
"""
