"""Autoencoders of images: what they are, one module a family. No torch; networks live in `vfm_zoo.networks`."""
