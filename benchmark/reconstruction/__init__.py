"""From a scene's photographs to cameras, one point a pixel, and masks; one module a method."""
