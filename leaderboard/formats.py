"""How values become text: numbers by the metrics table, names, and cleaning of what strangers wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from benchmark.records import METRICS

MINUS = "\N{MINUS SIGN}"
# Control characters, and those that turn the direction of the text around them or hide.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")

TRACKS = {
    "feat2gs": ("Feature probing", "How well do a model's features explain the Gaussians of a scene?"),
    "lrf": ("Latent radiance fields", "How well does a latent space carry a scene in 3-D?"),
}
MODES = {
    "geometry": ("Geometry", "shape is read out of the features, colour is free"),
    "texture": ("Texture", "colour is read out of the features, shape is free"),
    "all": ("All", "shape and colour are read out of the features"),
    "3dgs_vae": ("Frozen autoencoder", "Gaussians carry latents of the autoencoder as it is"),
    "lrf_encoder": ("Encoder taught", "after Stage I: other scenes taught the encoder that latents of a point agree"),
    "lrf_decoder": ("Decoder taught", "after Stage III: other scenes taught the decoder what fields render"),
    "3dgs_lrf": ("All three stages", "other scenes taught the encoder, then the decoder"),
    "feature_gs": ("Colour and latent", "the same Gaussians carry colours and latents"),
    "latent_nerf": ("Latent NeRF", "feature grids and a small network carry the latents, without Gaussians"),
    "free": ("Free", "everything is free, nothing is read out"),
}
KINDS = {
    "control": ("control", "features without learning: what a ranking must beat"),
    "raw": ("raw input", "the photograph itself as the feature"),
    "baseline": ("baseline, no readout", "every Gaussian is optimised freely"),
}


def clean(value: Any) -> Any:
    """Text without control characters and without those that reorder or hide other text; the rest as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", value)
    return "" if value is None else value


def number(value: float, metric: str) -> str:
    """The value with the metric's decimals."""
    return decimal(value, METRICS[metric].decimals)


def decimal(value: float, decimals: int = 1) -> str:
    """The value with so many decimals, halves away from zero, as papers print them.

    A mean of printed numbers is often a half (19.725), which binary numbers miss by a hair; ten decimals bring it back.
    """
    scaled = abs(value) * 10**decimals
    if abs(scaled - int(scaled) - 0.5) > 1e-6:
        return plain_number(f"{value:.{decimals}f}")
    exact = Decimal(f"{value:.10f}")
    return plain_number(str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)))


def plain_number(text: str) -> str:
    """Minus signs as they are set in print, and no negative zero."""
    if text.startswith("-"):
        return text[1:] if not text.strip("-0.") else MINUS + text[1:]
    return text


def amount(value: Any) -> str:
    """A free-form number or flag for people: at most four significant decimals, thousands apart."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return plain_number(f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"))
    if isinstance(value, float):
        return plain_number(f"{value:.4g}") if abs(value) < 1e4 else amount(round(value))
    return "none" if value is None else str(value)


def text_of(value: Any) -> str:
    """A metadata value for people; empty where there is none."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int | float):
        return amount(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{words(name)}: {text_of(item)}" for name, item in value.items() if text_of(item))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ", ".join(text_of(item) for item in value)
    return amount(value)


def words(name: Any) -> str:
    """An identifier as words."""
    return str(name).replace("_", " ")


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values as pairs of a dotted name and a plain value."""
    for name, value in values.items():
        path = f"{prefix}.{name}" if prefix else str(name)
        # Plain values first: to ask for a Mapping takes ten times as long.
        if isinstance(value, str | float | int | list) or not isinstance(value, Mapping):
            yield path, value
        elif value:
            yield from flatten(value, path)


def web_link(value: Any) -> str:
    """The address if it is one of the web, else nothing: no other scheme becomes a link."""
    text = clean(value) if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc and not re.search(r"\s", text) else ""


def anchor(*parts: Any) -> str:
    """An id inside a page, from names of cells."""
    return "~".join(str(part) for part in parts)


def prose(value: Any) -> Markup:
    """Text in which words between backticks are set as code."""
    parts = re.split(r"`([^`]+)`", clean(text_of(value)))
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))


def track_title(name: str) -> str:
    """For people."""
    return TRACKS[name][0] if name in TRACKS else words(name)


def mode_title(name: str) -> str:
    """For people."""
    return MODES[name][0] if name in MODES else words(name)
