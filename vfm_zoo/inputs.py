"""Statistics of pixels that several families were trained with; a family's own stand in its module."""

from __future__ import annotations

from typing import Any

from vfm_zoo.entry import Input

IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
OPENAI_CLIP: dict[str, Any] = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
}
HALF: dict[str, Any] = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def imagenet(multiple_of: int, native_side: int | None = None) -> Input:
    """Mean and standard deviation of ImageNet's photographs."""
    return Input(multiple_of=multiple_of, native_side=native_side, **IMAGENET)


def openai_clip(multiple_of: int, native_side: int | None = None) -> Input:
    """Those of the images on which OpenAI trained CLIP."""
    return Input(multiple_of=multiple_of, native_side=native_side, **OPENAI_CLIP)


def half(multiple_of: int, native_side: int | None = None) -> Input:
    """To [-1, 1]."""
    return Input(multiple_of=multiple_of, native_side=native_side, **HALF)
