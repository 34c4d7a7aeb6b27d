"""What a cell is fitted to: scene, reconstruction and features, each made once and shared through the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from benchmark.cells import Cell, digest
from benchmark.entries import entries_of
from benchmark.feat2gs.modes import BASELINES, MODES
from benchmark.features.concatenate import Part, concatenate
from benchmark.features.extract import FEATURES_VERSION, extract, feature_maps
from benchmark.features.feature_maps import FeatureMaps
from benchmark.features.io import load_feature_maps, save_feature_maps
from benchmark.features.upsample import upsample_bilateral
from benchmark.protocols import Protocol
from benchmark.reconstruction.io import load_reconstruction, save_reconstruction
from benchmark.reconstruction.reconstruct import RECONSTRUCTION_VERSION, reconstruct
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.reconstruction.train_views import choose_train_views
from benchmark.scenes.load import load_scene
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.sizes import working_size
from benchmark.scenes.spec import DatasetSpec
from benchmark.store import Store
from vfm_zoo.registry import Entry


@dataclass(frozen=True)
class Inputs:
    """All that a fit reads.

    Attributes
    ----------
    train
        Indices of the scene's views that the protocol trains on.
    features
        None for a baseline that reads nothing.
    is_raw
        Whether the features are the photograph itself, in part at least.
    digests
        Of scene, reconstruction, entry and features, for the record.
    """

    scene: Scene
    train: tuple[int, ...]
    reconstruction: Reconstruction
    features: FeatureMaps | None
    is_raw: bool
    digests: dict[str, str]


def gather(cell: Cell, dataset: DatasetSpec, protocol: Protocol, store: Store, device: str) -> Inputs:
    """Load the inputs of a cell; what no cell has needed before is made first."""
    scene = load_scene(dataset, cell.scene, store.root / "scenes")
    train = choose_train_views(scene, protocol.images)
    common = {"scene": scene.digest, "train": list(train), "images": asdict(protocol.images)}

    reconstruction_key = digest(
        common
        | {
            "version": RECONSTRUCTION_VERSION,
            "method": cell.reconstruction,
            "settings": protocol.reconstruct.values(cell.reconstruction),
        }
    )
    folder = store.make(
        "reconstructions",
        reconstruction_key,
        lambda path: save_reconstruction(
            path, reconstruct(scene, cell.reconstruction, protocol.images, protocol.reconstruct, train, device)
        ),
    )
    reconstruction = load_reconstruction(folder)
    # Views that could not be placed are neither trained on nor judged.
    scene, train = placed(scene, reconstruction)
    common = common | {"train": list(train)}
    digests = {"scene": scene.digest, "reconstruction": reconstruction_key}

    features, is_raw = None, False
    if cell.entry not in BASELINES:
        entries = entries_of(cell.entry, protocol)
        digests["entry"] = digest([entry.digest() for entry in entries]) if len(entries) > 1 else entries[0].digest()
        settings: dict[str, Any] = {"reduce": asdict(protocol.reduce)}
        if len(entries) > 1:
            settings["concatenate"] = asdict(protocol.concatenate)
        digests["features"] = digest(common | settings | {"version": FEATURES_VERSION, "entry": digests["entry"]})
        views = [scene.views[index] for index in train]
        features_folder = store.make(
            "features",
            digests["features"],
            lambda path: save_feature_maps(path, _feature_maps(entries, views, protocol, device)),
        )
        features = load_feature_maps(features_folder)
        if MODES[cell.mode].upsampled:
            # A token a pixel is many times the size of what it is made of, and quick to make: it is not kept.
            features = upsample_bilateral(features, torch.from_numpy(reconstruction.colors), protocol.upsample)
        is_raw = any(entry.kind == "raw" for entry in entries)
    return Inputs(scene, train, reconstruction, features, is_raw, digests)


def placed(scene: Scene, reconstruction: Reconstruction) -> tuple[Scene, tuple[int, ...]]:
    """The scene with those test views, and the indices of those train views, that the reconstruction has cameras of."""
    index = {view.name: position for position, view in enumerate(scene.views)}
    test = tuple(index[name] for name in reconstruction.test_views)
    return replace(scene, test=test), tuple(index[name] for name in reconstruction.train_views)


def _feature_maps(entries: Sequence[Entry], views: Sequence[View], protocol: Protocol, device: str) -> FeatureMaps:
    if len(entries) == 1:
        return feature_maps(entries[0], views, protocol.images, protocol.reduce, device)
    # One model at a time is in memory.
    parts = [Part(entry.name, extract(entry, views, protocol.images, device), entry.kind == "raw") for entry in entries]
    seen = working_size(views[0].width, views[0].height, protocol.images.feature_long_side)
    return concatenate(parts, protocol.concatenate, protocol.reduce, seen)
