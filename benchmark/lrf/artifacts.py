"""What cells of the second track share through the store: photographs' frames, latents, matches, fitted fields."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import torch

from benchmark.cells import Cell, digest, seed_of
from benchmark.errors import CellError
from benchmark.lrf.field import GaussianField, fit_field, start_gaussians
from benchmark.lrf.field_io import load_field, save_field
from benchmark.lrf.latents import LATENTS_VERSION, Latents, Range, encode, load_latents, save_latents
from benchmark.lrf.matches import MATCHES_VERSION, ViewPairs, find_matches, load_matches, save_matches
from benchmark.lrf.photographs import Photographs, at_scale, frame_of, photographs_of
from benchmark.protocols.lrf import LatentProtocol
from benchmark.reconstruction.io import load_reconstruction, save_reconstruction
from benchmark.reconstruction.reconstruct import RECONSTRUCTION_VERSION, reconstruct
from benchmark.reconstruction.train_views import choose_train_views
from benchmark.report import Report
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import DatasetSpec
from benchmark.store import Store
from vfm_zoo.loading.autoencoder import Autoencoder

# Rises when code changes a fitted field that no setting shows.
FIELD_VERSION = 1


@dataclass(frozen=True)
class Teacher:
    """An autoencoder, taught or as it is.

    Attributes
    ----------
    digest
        Of all that its latents hang on: its weights, and what taught its encoder.
    details
        What teaching did, for the record.
    """

    autoencoder: Autoencoder
    digest: str
    details: dict[str, Any] = field(default_factory=dict)


class LatentScene:
    """One scene under one protocol for one downscale; everything is made when first asked for, once for all cells.

    Attributes
    ----------
    digests
        Of the scene and its reconstruction.
    """

    def __init__(
        self, dataset: DatasetSpec, name: str, protocol: LatentProtocol, method: str, downscale: int, store: Store
    ):
        self.dataset, self.name, self.protocol, self.method = dataset, name, protocol, method
        self.downscale, self.store = downscale, store
        self.scene = load_scene(dataset, name, store.root / "scenes")
        self.train = choose_train_views(self.scene, protocol.images)
        views = [*(self.scene.views[index] for index in self.train), *self.scene.test_views]
        self.frame = frame_of(views, f"scene {dataset.name}/{name}", protocol.images.long_side, downscale)
        # What latents and matches hang on beside the autoencoder.
        self.seen = {"scene": self.scene.digest, "train": list(self.train), "frame": self.frame.values()}

    @cached_property
    def reconstruction_key(self) -> str:
        """Of points and cameras."""
        return digest(
            {
                "scene": self.scene.digest,
                "train": list(self.train),
                "version": RECONSTRUCTION_VERSION,
                "method": self.method,
                "images": asdict(self._sparse_images),
                "settings": asdict(self.protocol.reconstruct),
            }
        )

    @property
    def _sparse_images(self) -> Any:
        return replace(self.protocol.images, long_side=self.protocol.start.points_long_side)

    @cached_property
    def photographs(self) -> Photographs:
        """Photographs, cameras and points."""
        folder = self.store.make(
            "reconstructions",
            self.reconstruction_key,
            lambda path: save_reconstruction(
                path, reconstruct(self.scene, self.method, self._sparse_images, self.protocol.reconstruct, self.train)
            ),
        )
        return photographs_of(self.scene, self.train, load_reconstruction(folder), self.frame)

    @property
    def digests(self) -> dict[str, str]:
        """For the record."""
        return {"scene": self.scene.digest, "reconstruction": self.reconstruction_key}

    def latents(self, teacher: Teacher, device: str) -> Latents:
        """Latents of all views, encoded once."""
        folder = self.store.make(
            "latents",
            self._latents_key(teacher),
            lambda path: save_latents(
                path,
                Latents(
                    encode(teacher.autoencoder, self.photographs.train, device),
                    encode(teacher.autoencoder, self.photographs.test, device),
                ),
            ),
        )
        return load_latents(folder)

    def _latents_key(self, teacher: Teacher) -> str:
        return digest(self.seen | {"version": LATENTS_VERSION, "autoencoder": teacher.digest})

    def matches(self) -> ViewPairs:
        """Verified matches of the train views, in latent pixels."""
        settings = self.protocol.matches
        key = digest(
            self.seen
            | {"version": MATCHES_VERSION, "settings": settings.values(), "reconstruction": self.reconstruction_key}
        )
        images = lambda: self.photographs.train.movedim(1, -1).numpy()  # noqa: E731
        folder = self.store.make(
            "matches",
            key,
            lambda path: save_matches(path, find_matches(images(), self.photographs.cameras, settings, self.downscale)),
        )
        return load_matches(folder)

    def seed(self, repetition: int) -> int:
        """Of every random draw on this scene: that of any cell of it."""
        cell = Cell("lrf", "any", self.dataset.name, self.name, "any", self.method, self.protocol.name, repetition)
        return seed_of(cell)

    def latent_field(self, teacher: Teacher, repetition: int, device: str, report: Report) -> GaussianField:
        """Stage II, fitted once for all modes and for all scenes that learn from this one."""
        fit, start = self.protocol.fit, self.protocol.start
        key = digest(
            {
                "version": FIELD_VERSION,
                "latents": self._latents_key(teacher),
                "reconstruction": self.reconstruction_key,
                "start": asdict(start),
                "fit": asdict(fit),
                "seed": self.seed(repetition),
            }
        )

        def build(folder: Any) -> None:
            latents = self.latents(teacher, device)
            targets = Range.of(latents.train).normalise(latents.train)
            generator = torch.Generator().manual_seed(self.seed(repetition))
            first = start_gaussians(self.photographs.points, targets, start, fit.sh_degree, generator)
            cameras = at_scale(self.photographs.cameras, self.downscale, device)
            save_field(folder, fit_field(first, cameras, targets.to(device), fit, generator, report))

        return load_field(self.store.make("fields", key, build), device)


def some_matches(scene: LatentScene) -> ViewPairs:
    """The scene's matches; `CellError` where no two train views have any."""
    pairs = scene.matches()
    if not pairs:
        raise CellError(
            f"scene {scene.dataset.name}/{scene.name}: no two train views have "
            f"{scene.protocol.matches.fewest} verified matches, so Stage I cannot learn from it; take views that "
            "overlap more, or leave the scene out"
        )
    return pairs
