"""Start values of the Gaussians: also what the warm start regresses onto (section 4 of the protocol notes)."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float

from benchmark.errors import InputError
from benchmark.protocols import Start
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.splatting.fitting import neighbour_distance

# Value of the constant spherical harmonic, 1 / (2 sqrt(pi)).
SH_DC = 0.28209479177387814


def start_values(
    reconstruction: Reconstruction, start: Start, sh_degree: int, seed: int
) -> dict[str, Float[torch.Tensor, "gaussian size"]]:
    """One Gaussian for each valid pixel, in the order of the pixels.

    Parameters
    ----------
    seed
        Of the noise on the positions, if there is any.

    Returns
    -------
    By attribute: the pixel's point, with noise if asked; the log of the root mean square distance to the three nearest
    points, the same along each axis; the identity rotation; the logit of the opacity; the pixel's colour; zero for
    higher bands.
    """
    points = np.ascontiguousarray(reconstruction.points[reconstruction.valid], dtype=np.float32)
    colors = reconstruction.colors[reconstruction.valid]
    count = len(points)
    log_scales = np.log(neighbour_distance(points))
    if start.noise > 0:
        points = points + np.random.default_rng(seed).normal(0.0, start.noise, points.shape).astype(np.float32)
    values = {
        "means": torch.from_numpy(points),
        "log_scales": torch.from_numpy(np.repeat(log_scales[:, None], 3, axis=1)),
        "quaternions": torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(count, 1),
        "opacity_logits": torch.full((count, 1), math.log(start.opacity / (1 - start.opacity))),
        "sh_dc": torch.from_numpy(((colors - 0.5) / SH_DC).astype(np.float32)),
    }
    if sh_degree > 0:
        values["sh_rest"] = torch.zeros(count, 3 * ((sh_degree + 1) ** 2 - 1))
    return values


def true_means(reconstruction: Reconstruction) -> Float[torch.Tensor, "gaussian 3"]:
    """True points of the valid pixels, in their order; where one has no true depth, its reconstructed point.

    Raises
    ------
    InputError
        If the scene has no true depth.
    """
    if reconstruction.true_points is None or reconstruction.true_valid is None:
        raise InputError(
            "baseline 'true_geometry': the scene has no true depth; run it on a dataset of the task 'geometry' or 'both'"
        )
    known = reconstruction.true_valid[..., None]
    points = np.where(known, reconstruction.true_points, reconstruction.points)[reconstruction.valid]
    return torch.from_numpy(points.astype(np.float32))
