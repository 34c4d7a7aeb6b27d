"""Stage I: an encoder whose latents agree at corresponding pixels (section 3.1 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.lrf.artifacts import LatentScene, some_matches
from benchmark.lrf.latents import sample
from benchmark.lrf.matches import Pair
from benchmark.lrf.training import Lesson
from benchmark.protocols.lrf import AlignEncoder
from vfm_zoo.loading.autoencoder import Autoencoder, Latent

# Held-out pairs of views that are looked at after a round; more say little more and cost as much as training.
MOST_HELD_OUT = 12


@dataclass(frozen=True)
class SeenScene:
    """Train views of one training scene, shared by all its pairs.

    Attributes
    ----------
    seen
        What the fixed part of the encoder makes of each, by `Autoencoder.encode_head`.
    images
        sRGB in [0, 1].
    before
        Latents of the autoencoder as it was.
    """

    seen: Tensor
    images: Tensor
    before: Latent


@dataclass(frozen=True)
class TwoViews:
    """Two matched views of a training scene."""

    scene: SeenScene
    views: list[int]
    pair: Pair

    @property
    def seen(self) -> Tensor:
        """Of both views, as `SeenScene` has it; so are the others."""
        return self.scene.seen[self.views]

    @property
    def images(self) -> Tensor:
        """Of both views."""
        return self.scene.images[self.views]

    @property
    def before(self) -> Latent:
        """Of both views."""
        mean, log_variance = self.scene.before
        return Latent(mean[self.views], None if log_variance is None else log_variance[self.views])


def split_scenes(names: Sequence[str], held_out: int) -> tuple[list[str], list[str]]:
    """Training scenes to learn from and to stop by: the last of every ``held_out``; none to stop by below three."""
    ordered = sorted(names)
    if len(ordered) < 3:
        return ordered, []
    kept = ordered[held_out - 1 :: held_out] or ordered[-1:]
    return [name for name in ordered if name not in kept], kept


def encoder_lesson(
    autoencoder: Autoencoder, scenes: Sequence[LatentScene], settings: AlignEncoder, device: str
) -> Lesson:
    """What Stage I teaches with some scenes.

    Raises
    ------
    CellError
        If a scene has no verified matches.
    """
    learn, stop = split_scenes([scene.name for scene in scenes], settings.held_out)
    by_name = {scene.name: two_views(autoencoder, scene, device) for scene in scenes}
    lessons = [views for name in learn for views in by_name[name]]
    exams = [views for name in stop for views in by_name[name]]
    if not exams:
        # Two scenes or one: some of their pairs are held out instead.
        exams = lessons[settings.held_out - 1 :: settings.held_out] or lessons[-1:]
        lessons = [views for views in lessons if not any(views is held for held in exams)] or lessons
    exams = exams[:: max(1, len(exams) // MOST_HELD_OUT)]
    deviation = _deviation(lessons)
    parameters = dict(autoencoder.learning("encoder"))
    if settings.joint:
        parameters |= autoencoder.learning("decoder")

    def loss(generator: torch.Generator) -> Tensor:
        chosen = lessons[int(torch.randint(len(lessons), (1,), generator=generator))]
        return encoder_loss(autoencoder, chosen, settings, deviation, generator)

    def held_out() -> float:
        return sum(float(encoder_loss(autoencoder, one, settings, deviation, None)) for one in exams) / len(exams)

    return Lesson("stage I", parameters, loss, held_out)


@torch.no_grad()
def two_views(autoencoder: Autoencoder, scene: LatentScene, device: str) -> list[TwoViews]:
    """Every two matched train views of a scene; each view passes through the fixed part once."""
    pairs = some_matches(scene)
    images = scene.photographs.train.to(device)
    seen = torch.cat([autoencoder.encode_head(image[None]) for image in images])
    latents = [autoencoder.encode_tail(one[None]) for one in seen]
    spread = [latent.log_variance for latent in latents if latent.log_variance is not None]
    before = Latent(torch.cat([latent.mean for latent in latents]), torch.cat(spread) if spread else None)
    shared = SeenScene(seen, images, before)
    return [TwoViews(shared, [i, j], pair) for (i, j), pair in pairs.items()]


def encoder_loss(
    autoencoder: Autoencoder,
    views: TwoViews,
    settings: AlignEncoder,
    deviation: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """``L_VAE + lambda_1 L_corres + lambda_2 L_reg`` of two views.

    Parameters
    ----------
    deviation
        Of each channel over the training scenes, before training.
    generator
        Draws from the posterior, where there is one; None takes its mode.
    """
    latent = autoencoder.encode_tail(views.seen)
    drawn = latent.mean
    if latent.log_variance is not None and generator is not None:
        noise = torch.randn(drawn.shape, generator=generator).to(drawn)
        drawn = drawn + (latent.log_variance / 2).exp() * noise
    total = (autoencoder.decode(drawn) - views.images).abs().mean()
    if latent.log_variance is not None:
        total = total + settings.prior * divergence(latent, None)
    total = total + settings.correspondence * correspondence(latent.mean, views.pair, settings.unit, deviation)
    if settings.drift > 0:
        total = total + settings.drift * drift(latent, views.before, deviation)
    return total


def correspondence(means: Tensor, pair: Pair, unit: str, deviation: Tensor) -> Tensor:
    """Weighted mean of the absolute difference of latents at matches, averaged over channels."""
    device = means.device
    first, second = torch.from_numpy(pair.first).to(device), torch.from_numpy(pair.second).to(device)
    difference = (sample(means[0], first) - sample(means[1], second)).abs()
    if unit == "deviation":
        difference = difference / deviation
    elif unit == "current":
        difference = difference / means.std(dim=(0, 2, 3)).clamp_min(1e-8)
    weight = torch.from_numpy(pair.weight).to(device)
    return (difference.mean(dim=1) * weight).sum() / weight.sum()


def drift(now: Latent, before: Latent, deviation: Tensor) -> Tensor:
    """KL divergence to the original posterior, a mean over all numbers; without one, half the square distance."""
    if now.log_variance is not None:
        return divergence(now, before)
    return ((now.mean - before.mean) / deviation[:, None, None]).square().mean() / 2


def divergence(posterior: Latent, other: Latent | None) -> Tensor:
    """KL divergence of diagonal Gaussians, a mean over all numbers; None is the unit Gaussian."""
    assert posterior.log_variance is not None
    mean = torch.zeros_like(posterior.mean) if other is None else other.mean
    log_variance = torch.zeros_like(mean) if other is None or other.log_variance is None else other.log_variance
    variances = (posterior.log_variance - log_variance).exp()
    distance = (posterior.mean - mean).square() / log_variance.exp()
    return ((variances + distance - 1 - posterior.log_variance + log_variance) / 2).mean()


def _deviation(lessons: Sequence[TwoViews]) -> Tensor:
    scenes = {id(views.scene): views.scene for views in lessons}.values()
    means = torch.cat([scene.before.mean.movedim(1, 0).flatten(1) for scene in scenes], dim=1)
    deviation = means.std(dim=1, correction=0)
    return torch.where(deviation > 1e-8, deviation, torch.ones_like(deviation))
