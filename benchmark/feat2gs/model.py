"""The probed scene: some attributes read out of the features, the others free parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import nn

from benchmark.feat2gs.modes import MODES
from benchmark.feat2gs.readout import Readout
from benchmark.features.feature_maps import FeatureMaps, sample_grid
from benchmark.protocols import Rates
from benchmark.protocols import Readout as ReadoutSettings
from benchmark.splatting.gaussians import Gaussians

Attributes = dict[str, Float[torch.Tensor, "gaussian size"]]


class ProbedScene(nn.Module):
    """Gaussians, one a valid pixel, whose attributes come from a readout or are free.

    Parameters
    ----------
    start
        Start values by attribute (`start_values`): targets of the warm start, and first values of what is free.
    features
        None for a baseline that reads nothing.
    mode
        Key of `MODES`.
    settings
        Size of the readout.
    valid
        Pixels that are a Gaussian, in the order of ``start``.
    generator
        Draws the readout's first weights.
    held
        Attributes that are not read out and stay at their start values.
    """

    def __init__(
        self,
        start: Mapping[str, Float[torch.Tensor, "gaussian size"]],
        features: FeatureMaps | None,
        mode: str,
        settings: ReadoutSettings,
        valid: Bool[torch.Tensor, "view height width"],
        generator: torch.Generator,
        held: Sequence[str] = (),
    ):
        super().__init__()
        self.start = dict(start)
        self.features = features
        self.valid = valid
        read = [name for name in MODES[mode].read if name in start]
        self.readout: Readout | None = None
        if read:
            if features is None:
                raise ValueError(f"features: mode '{mode}' reads {', '.join(read)} out of features, got None")
            channels = features.grid.shape[1]
            sizes = {name: start[name].shape[1] for name in read}
            self.readout = Readout(channels, sizes, settings.width or channels, generator, settings.hidden_layers)
        counts = valid.flatten(1).sum(dim=1).tolist()
        ends = [sum(counts[: number + 1]) for number in range(len(counts))]
        # A view alone: its pixels' positions among all, and its part of the features.
        self.spans = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
        self.views = [] if features is None else list(zip(features.grid.split(1), valid.split(1), strict=True))
        # One feature a Gaussian, fitted by the warm start alone.
        self.own_features: nn.Parameter | None = None
        if MODES[mode].own_features and features is not None:
            sampled = sample_grid(features.grid.cpu(), features.extent, (valid.shape[1], valid.shape[2])).movedim(
                1, -1
            )[valid.cpu()]
            self.own_features = nn.Parameter(sampled)
        self.free = nn.ParameterDict(
            {
                name: nn.Parameter(value.clone(), requires_grad=name not in held)
                for name, value in start.items()
                if name not in read
            }
        )

    def read_out(self, view: int | None = None) -> Attributes:
        """Attributes that come from the features: of all Gaussians, or of those of one view."""
        if self.readout is None or self.features is None:
            return {}
        if self.own_features is not None:
            own = self.own_features if view is None else self.own_features[self.spans[view]]
            return self.readout.plain(own, detached=("sh_rest",))
        grid, valid = (self.features.grid, self.valid) if view is None else self.views[view]
        return self.readout(grid, self.features.extent, valid)

    def targets(self, view: int | None = None) -> Attributes:
        """Start values of the same Gaussians."""
        span = slice(None) if view is None else self.spans[view]
        return {name: values[span] for name, values in self.start.items()}

    def gaussians(self) -> Gaussians:
        """The scene as it stands; gradients flow to the readout and to what is free."""
        values = {**self.read_out(), **self.free}
        sh = values["sh_dc"][:, None, :]
        if "sh_rest" in values:
            sh = torch.cat([sh, values["sh_rest"].unflatten(1, (-1, 3))], dim=1)
        return Gaussians(
            means=values["means"],
            log_scales=values["log_scales"],
            quaternions=values["quaternions"],
            opacity_logits=values["opacity_logits"].squeeze(1),
            sh=sh,
        )

    def parameters_by_attribute(self) -> dict[str, list[nn.Parameter]]:
        """What is fitted, by the attribute that it stands for: a head's weights or the free values."""
        groups = {name: [value] for name, value in self.free.items() if value.requires_grad}
        if self.readout is not None:
            groups |= self.readout.parameters_by_attribute()
        return groups

    def optimizer(self, rates: Rates) -> torch.optim.Adam:
        """Adam with one group an attribute (``group["name"]``), at the rates given; and one of features that are free."""
        groups = [
            {"params": parameters, "lr": getattr(rates, name), "name": name}
            for name, parameters in self.parameters_by_attribute().items()
        ]
        if self.own_features is not None:
            groups.append({"params": [self.own_features], "lr": 0.0, "name": "features"})
        return torch.optim.Adam(groups, eps=1e-15, fused=True)
