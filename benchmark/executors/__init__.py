"""How cells are run; what they are is decided elsewhere."""
