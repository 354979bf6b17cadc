"""What continuous integration does, and the report that it posts."""
