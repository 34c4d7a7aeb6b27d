"""Gaussians, cameras that move, and `rasterize` with a CPU and a CUDA backend behind one signature."""
