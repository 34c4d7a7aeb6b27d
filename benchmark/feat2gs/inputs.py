"""What a cell is fitted to: scene, reconstruction and features, each made once and shared through the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from benchmark.cells import Cell, digest
from benchmark.feat2gs.modes import BASELINES
from benchmark.features.extract import FEATURES_VERSION, feature_maps
from benchmark.features.feature_maps import FeatureMaps
from benchmark.features.io import load_feature_maps, save_feature_maps
from benchmark.protocols import Protocol
from benchmark.reconstruction.io import load_reconstruction, save_reconstruction
from benchmark.reconstruction.reconstruct import RECONSTRUCTION_VERSION, reconstruct
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.reconstruction.train_views import choose_train_views
from benchmark.scenes.load import load_scene
from benchmark.scenes.scene import Scene
from benchmark.scenes.spec import DatasetSpec
from benchmark.store import Store
from vfm_zoo import registry


@dataclass(frozen=True)
class Inputs:
    """All that a fit reads.

    Attributes
    ----------
    train
        Indices of the scene's views that the protocol trains on.
    features
        None for a baseline that reads nothing.
    digests
        Of scene, reconstruction, entry and features, for the record.
    """

    scene: Scene
    train: tuple[int, ...]
    reconstruction: Reconstruction
    features: FeatureMaps | None
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
            "settings": asdict(protocol.reconstruct),
        }
    )
    folder = store.make(
        "reconstructions",
        reconstruction_key,
        lambda path: save_reconstruction(
            path, reconstruct(scene, cell.reconstruction, protocol.images, protocol.reconstruct, train)
        ),
    )
    digests = {"scene": scene.digest, "reconstruction": reconstruction_key}

    features = None
    if cell.entry not in BASELINES:
        entry = registry.get_entry(cell.entry)
        digests["entry"] = entry.digest()
        digests["features"] = digest(
            common | {"version": FEATURES_VERSION, "entry": entry.digest(), "reduce": asdict(protocol.reduce)}
        )
        views = [scene.views[index] for index in train]
        features_folder = store.make(
            "features",
            digests["features"],
            lambda path: save_feature_maps(
                path, feature_maps(entry, views, protocol.images, protocol.reduce, device=device)
            ),
        )
        features = load_feature_maps(features_folder)
    return Inputs(scene, train, load_reconstruction(folder), features, digests)
