"""Views of walls whose depth is known in closed form, as the methods take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from benchmark.scenes.scene import View


@pytest.fixture
def views(tmp_path, look) -> Callable[..., list[View]]:
    """``views(walls, cameras)``: photographs in files, with cameras and without depth."""
    from PIL import Image

    def make(walls: Sequence, cameras: Sequence) -> list[View]:
        made = []
        for index, camera in enumerate(cameras):
            path = tmp_path / f"{index}.png"
            Image.fromarray(look(walls, camera)[0]).save(path)
            made.append(View(path.name, path, camera.width, camera.height, camera))
        return made

    return make
