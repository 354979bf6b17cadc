"""Why a classifier decided as it did: what each stretch of a text said for or against a label."""
