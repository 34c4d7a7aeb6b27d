"""Stage III: a decoder that knows what fields render (section 3.3 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from benchmark.lrf.align_encoder import split_scenes
from benchmark.lrf.artifacts import LatentScene, Teacher
from benchmark.lrf.latents import Range
from benchmark.lrf.photographs import at_scale
from benchmark.lrf.training import Lesson
from benchmark.protocols.lrf import AlignDecoder
from benchmark.report import Report
from vfm_zoo.loading.autoencoder import Autoencoder


@dataclass(frozen=True)
class Shown:
    """Views of training scenes: what the fixed part of the decoder sees of their latents, and their photographs."""

    seen: list[Tensor]
    images: list[Float[Tensor, "3 height width"]]

    def but(self, every: int) -> tuple[Shown, Shown]:
        """All but the last of every so many, and these."""
        held = set(range(every - 1, len(self.seen), every)) or {len(self.seen) - 1}
        return self._some(sorted(set(range(len(self.seen))) - held)), self._some(sorted(held))

    def _some(self, chosen: Sequence[int]) -> Shown:
        return Shown([self.seen[index] for index in chosen], [self.images[index] for index in chosen])

    def __add__(self, other: Shown) -> Shown:
        return Shown(self.seen + other.seen, self.images + other.images)


# Rendered train views, rendered held-out views, plain encodings of both.
KINDS = ("train", "novel", "plain")
Views = dict[str, Shown]


def decoder_lesson(
    teacher: Teacher,
    scenes: Sequence[LatentScene],
    settings: AlignDecoder,
    repetition: int,
    device: str,
    report: Report,
) -> Lesson:
    """What Stage III teaches with some scenes, whose fields are fitted first if they are not there."""
    autoencoder = teacher.autoencoder
    learn, stop = split_scenes([scene.name for scene in scenes], settings.held_out)
    by_name = {scene.name: shown_views(teacher, scene, repetition, device, report) for scene in scenes}
    lessons, exams = _joined([by_name[name] for name in learn]), _joined([by_name[name] for name in stop])
    if not stop:
        split = {kind: shown.but(settings.held_out) for kind, shown in lessons.items()}
        lessons, exams = ({kind: parts[place] for kind, parts in split.items()} for place in (0, 1))
    weights = {"train": settings.train, "novel": settings.novel, "plain": settings.plain}
    crop = settings.crop if autoencoder.entry.decoder_tail else None

    def loss(generator: torch.Generator) -> Tensor:
        terms = []
        for kind, weight in weights.items():
            shown = lessons[kind]
            if weight > 0 and shown.seen:
                chosen = int(torch.randint(len(shown.seen), (1,), generator=generator))
                terms.append(weight * _error(autoencoder, shown, chosen, crop, settings.margin, generator))
        return torch.stack(terms).sum()

    def held_out() -> float:
        total = 0.0
        for kind, weight in weights.items():
            shown = exams[kind]
            if weight > 0 and shown.seen:
                errors = [float(_error(autoencoder, shown, i, None, 0, None)) for i in range(len(shown.seen))]
                total += weight * sum(errors) / len(errors)
        return total

    return Lesson("stage III", autoencoder.learning("decoder"), loss, held_out)


@torch.no_grad()
def shown_views(teacher: Teacher, scene: LatentScene, repetition: int, device: str, report: Report) -> Views:
    """Rendered and plain latents of all views of a training scene, through the fixed part of the decoder."""
    autoencoder, photographs = teacher.autoencoder, scene.photographs
    latents = scene.latents(teacher, device)
    with torch.enable_grad():
        field = scene.latent_field(teacher, repetition, device, report)
    scale = Range.of(latents.train)

    def rendered(cameras: object) -> Tensor:
        return scale.restore(field.render(at_scale(cameras, scene.downscale, device)).cpu())  # type: ignore[arg-type]

    def shown(values: Tensor, images: Tensor) -> Shown:
        return Shown([autoencoder.decode_head(one[None].to(device)) for one in values], list(images.to(device)))

    return {
        "train": shown(rendered(photographs.cameras), photographs.train),
        "novel": shown(rendered(photographs.test_cameras), photographs.test),
        "plain": shown(latents.train, photographs.train),
    }


def _joined(views: Sequence[Views]) -> Views:
    joined = {kind: Shown([], []) for kind in KINDS}
    for one in views:
        joined = {kind: joined[kind] + one[kind] for kind in KINDS}
    return joined


def _error(
    autoencoder: Autoencoder,
    shown: Shown,
    chosen: int,
    crop: int | None,
    margin: int,
    generator: torch.Generator | None,
) -> Tensor:
    """Mean absolute difference of the decoded view, or of a crop of it, and its photograph."""
    seen, image = shown.seen[chosen], shown.images[chosen]
    if crop is None:
        return (autoencoder.decode_tail(seen)[0] - image).abs().mean()
    rows, columns = seen.shape[2:]
    height, width = min(crop, rows), min(crop, columns)
    top = int(torch.randint(rows - height + 1, (1,), generator=generator))
    left = int(torch.randint(columns - width + 1, (1,), generator=generator))
    decoded = autoencoder.decode_tail(seen[:, :, top : top + height, left : left + width])[0]
    side = autoencoder.entry.downscale
    part = image[:, top * side : (top + height) * side, left * side : (left + width) * side]
    # The border of a crop lacks its neighbours; the border of the image has none.
    inner = [
        slice(0 if start == 0 else margin * side, None if end == most else -margin * side)
        for start, end, most in ((top, top + height, rows), (left, left + width, columns))
    ]
    return (decoded - part)[:, inner[0], inner[1]].abs().mean()
