"""Method `dust3r`: a network's point maps of all pairs of photographs, brought into one world (sections 2.2 and 2.6)."""

from __future__ import annotations

import numpy as np

from benchmark.errors import InputError, MissingError
from benchmark.reconstruction.alignment import align
from benchmark.reconstruction.point_maps import PairNetwork, among, predict_pairs
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.reconstruction.registration import registered
from vfm_zoo.errors import ZooError


def load_network(device: str) -> PairNetwork:
    """The released network; `MissingError` with the remedy where its weights are not on this machine."""
    from vfm_zoo.dust3r import load_dust3r

    try:
        return load_dust3r(device=device)
    except ZooError as error:
        raise MissingError(f"reconstruction 'dust3r': {error}; or use --reconstruction colmap") from None


def recover(request: Request) -> Recovered:
    """Cameras and depth from photographs alone.

    Raises
    ------
    MissingError
        If the weights are absent.
    InputError
        With fewer than two train views, or if a view cannot be placed; names it.
    CellError
        If the pairs do not fit into memory.
    """
    settings = request.settings.pairs
    views = two_or_more(request)
    request.size()
    # Every pair once: those of the train views serve both alignments.
    maps = predict_pairs(load_network(request.device), views, settings.long_side, request.device)
    names, count = [view.name for view in views], len(request.train)
    train = align(among(maps, count), settings.align, names[:count], request.device)
    focal = np.array([camera.intrinsics[0, 0] for camera in train.cameras])
    frozen = np.concatenate([focal, np.full(len(views) - count, focal.mean())])
    joint = align(maps, settings.align, names, request.device, focal=frozen)
    return registered(request, train, joint, settings, {"pairs": count * (count - 1)})


def two_or_more(request: Request) -> list:
    """Train and test views, train first; `InputError` where there is one train photograph alone."""
    if len(request.train) < 2:
        name = request.train_views[0].name if request.train else "none"
        raise InputError(f"{request.where}: one photograph ({name}) gives no cameras; name a second train view")
    return [*request.train_views, *request.scene.test_views]
