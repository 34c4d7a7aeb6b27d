"""MVImgNet: a folder an instance, phone photographs beside a COLMAP model; also as InstantSplat's archive has it."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import InputError
from benchmark.scenes import colmap
from benchmark.scenes.places import inside, options_of, scene_folder, where
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

# Official release; InstantSplat's choice of 24 frames.
PLACES = ("images", "24_views/images")


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Views whose photograph is there; the model may know more frames than were kept. Units are arbitrary.

    Options: ``images``, the folder of the photographs (where empty, the usual places).
    """
    options = options_of(spec, scene_name, {"images": ""})
    folder = scene_folder(spec, scene_name)
    places = [str(options["images"])] if options["images"] else list(PLACES)
    for place in places:
        images = inside(folder, place, where(spec, scene_name))
        if images.is_dir():
            return colmap.read_views(images, colmap.find_model(folder))
    raise InputError(f"{folder}: no photographs in {' or '.join(places)}; unpack the archive there anew")
