"""Plain references, each a script that prints its figures as JSON on its last line."""
