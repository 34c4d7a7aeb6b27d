"""Image and geometry metrics as pure functions, and the one table of their names (`table`, without torch)."""
