"""From fitted parameters to pictures: `Gaussians` seen by cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float

from benchmark.cameras import Cameras
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.rasterize import rasterize


@dataclass(frozen=True)
class TorchCameras:
    """`Cameras` as float32 tensors on a device, so that gradients can reach the poses."""

    world_to_camera: Float[torch.Tensor, "camera 4 4"]
    intrinsics: Float[torch.Tensor, "camera 3 3"]
    width: int
    height: int

    @classmethod
    def of(cls, cameras: Cameras, device: torch.device | str = "cpu") -> TorchCameras:
        """Copy cameras to a device."""
        return cls(
            torch.as_tensor(cameras.world_to_camera, dtype=torch.float32, device=device),
            torch.as_tensor(cameras.intrinsics, dtype=torch.float32, device=device),
            cameras.width,
            cameras.height,
        )

    def __len__(self) -> int:
        return len(self.world_to_camera)

    def __getitem__(self, indices: Sequence[int]) -> TorchCameras:
        chosen = list(indices)
        return replace(self, world_to_camera=self.world_to_camera[chosen], intrinsics=self.intrinsics[chosen])

    def to_numpy(self) -> Cameras:
        """Back to `Cameras`, in float64."""
        return Cameras(
            self.world_to_camera.detach().cpu().numpy().astype(np.float64),
            self.intrinsics.detach().cpu().numpy().astype(np.float64),
            self.width,
            self.height,
        )


@dataclass(frozen=True)
class Rendering:
    """What cameras see.

    Attributes
    ----------
    image
        Colours over the background, not clamped.
    alpha
        Coverage in [0, 1].
    meta
        What the rasteriser knows of each Gaussian (radii, means2d, depths).
    """

    image: Float[torch.Tensor, "camera height width channel"]
    alpha: Float[torch.Tensor, "camera height width 1"]
    meta: dict[str, Any]


def render(
    gaussians: Gaussians,
    cameras: TorchCameras,
    background: Float[torch.Tensor, "camera channel"] | None = None,
    rasterize_mode: Literal["classic", "antialiased"] = "classic",
) -> Rendering:
    """Render every Gaussian into every camera, at the degree of its coefficients; a background of None is black."""
    image, alpha, meta = rasterize(
        means=gaussians.means,
        quats=gaussians.quaternions,
        scales=gaussians.log_scales.exp(),
        opacities=gaussians.opacity_logits.sigmoid(),
        colors=gaussians.sh,
        viewmats=cameras.world_to_camera,
        Ks=cameras.intrinsics,
        width=cameras.width,
        height=cameras.height,
        sh_degree=gaussians.sh_degree,
        backgrounds=background,
        rasterize_mode=rasterize_mode,
    )
    return Rendering(image, alpha, meta)
