"""Who is asking, and may they: tokens, keys, roles."""
