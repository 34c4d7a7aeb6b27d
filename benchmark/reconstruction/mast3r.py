"""Method `mast3r`: matches of dense descriptors, sparse alignment, and the network's own depth (section 2.3)."""

from __future__ import annotations

import numpy as np
import torch

from benchmark.errors import MissingError
from benchmark.reconstruction.dust3r import two_or_more
from benchmark.reconstruction.matching import Matches, reciprocal
from benchmark.reconstruction.point_maps import PairMaps, PairNetwork, among, complete_edges, predict_pairs
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.reconstruction.registration import registered
from benchmark.reconstruction.sparse_alignment import align_sparse
from benchmark.scenes.scene import View
from vfm_zoo.errors import ZooError


def load_network(device: str) -> PairNetwork:
    """The released network; `MissingError` with the remedy where its weights are not on this machine."""
    from vfm_zoo.mast3r import load_mast3r

    try:
        return load_mast3r(device=device)
    except ZooError as error:
        raise MissingError(f"reconstruction 'mast3r': {error}; or use --reconstruction colmap") from None


def recover(request: Request) -> Recovered:
    """Cameras and depth from photographs alone; raises as `benchmark.reconstruction.dust3r.recover` does."""
    settings = request.settings.matches
    views = two_or_more(request)
    request.size()
    maps, matches = predict_matches(
        load_network(request.device), views, settings.long_side, settings.subsample, request.device
    )
    names, count = [view.name for view in views], len(request.train)
    own = [pair for pair in matches if max(pair.first, pair.second) < count]
    train = align_sparse(among(maps, count), own, settings, names[:count])
    focal = np.array([camera.intrinsics[0, 0] for camera in train.cameras])
    frozen = np.concatenate([focal, np.full(len(views) - count, focal.mean())])
    joint = align_sparse(maps, matches, settings, names, focal=frozen)
    facts = {"pairs": len(own), "matches": int(sum(len(pair.confidence) for pair in own))}
    return registered(request, train, joint, settings, facts)


def predict_matches(
    network: PairNetwork, views: list[View], long_side: int, subsample: int, device: str
) -> tuple[PairMaps, list[Matches]]:
    """Point maps and matches of every ordered pair; descriptors are dropped pair by pair."""
    edges, matches = complete_edges(len(views)), []

    def keep(number: int, first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
        pixels = reciprocal((first["descriptors"][0], second["descriptors"][0]), subsample)
        sure = [
            prediction["descriptor_confidence"][0].flatten().float().cpu().numpy()[place]
            for prediction, place in zip((first, second), pixels, strict=True)
        ]
        matches.append(Matches(*edges[number], *pixels, np.sqrt(sure[0] * sure[1])))

    return predict_pairs(network, views, long_side, device, keep), matches
