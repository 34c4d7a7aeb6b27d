"""The first track: how much 3-D can be read out of a frozen model's features (Feat2GS, CVPR 2025)."""
