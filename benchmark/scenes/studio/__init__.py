"""Procedural rooms, textured with photographs: what stands in them, how they are seen, how they are traced."""
