"""Cameras and photographs that belong together, where a file of cameras names its images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

from benchmark.errors import InputError


def pair(named: Iterable[str], paths: Sequence[Path], origin: str) -> dict[str, Path]:
    """The photograph of each name of a camera file; names without a photograph are left out.

    By file name, else by the name without its suffix (photographs are often converted). Copies of another size may be
    called otherwise altogether (LLFF's ``image000.png`` for ``IMG_4026.JPG``): where no name fits and there are as
    many photographs as names, both go by their order.

    Raises
    ------
    InputError
        If names share one photograph, or nothing fits.
    """
    names = sorted(named)
    by_name = {path.name: path for path in paths}
    by_stem = {path.stem: path for path in paths}
    pairs = {}
    for name in names:
        plain = PurePosixPath(name)
        path = by_name.get(name) or (by_stem.get(plain.stem) if plain.parent == PurePosixPath() else None)
        if path is not None:
            pairs[name] = path
    if not pairs and len(names) == len(paths):
        pairs = dict(zip(names, sorted(paths), strict=True))
    if not pairs:
        first = f"'{names[0]:.80}' and others" if names else "no image"
        raise InputError(
            f"{origin}: names {first}, but none of the {len(paths)} photographs is called so; put its images there"
        )
    if len(set(pairs.values())) < len(pairs):
        raise InputError(f"{origin}: two of its images have one photograph ({_shared(pairs)}); rename one of them")
    return pairs


def _shared(pairs: Mapping[str, Path]) -> str:
    paths = sorted(pairs.values())
    return next(first.name for first, second in pairwise(paths) if first == second)
