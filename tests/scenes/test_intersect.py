"""Where rays meet solids, against implicit equations written down independently and sampled along the ray."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.scenes.studio.intersect import intersect, normal
from benchmark.scenes.studio.solids import Kind

SIZES = {
    Kind.BOX: (0.5, 0.3, 0.8),
    Kind.ELLIPSOID: (0.6, 0.3, 0.9),
    Kind.CYLINDER: (0.4, 0.7, 0.0),
    Kind.CAPSULE: (0.25, 0.6, 0.0),
    Kind.TORUS: (0.6, 0.2, 0.0),
}


def signed(kind: Kind, points: np.ndarray) -> np.ndarray:
    """Negative inside the solid, positive outside; zero on its surface."""
    a, b, c = SIZES[kind]
    x, y, z = np.moveaxis(points, -1, 0)
    across = np.hypot(x, y)
    return {
        Kind.BOX: lambda: np.max(np.abs(points) - [a, b, c], axis=-1),
        Kind.ELLIPSOID: lambda: (x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 - 1,
        Kind.CYLINDER: lambda: np.maximum(across - a, np.abs(z) - b),
        Kind.CAPSULE: lambda: np.linalg.norm(np.stack([x, y, z - np.clip(z, -b, b)]), axis=0) - a,
        Kind.TORUS: lambda: np.hypot(across - a, z) - b,
    }[kind]()


def rays(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    origins = rng.normal(size=(count, 3))
    origins *= rng.uniform(1.5, 4, (count, 1)) / np.linalg.norm(origins, axis=1, keepdims=True)
    towards = rng.uniform(-0.8, 0.8, (count, 3)) - origins
    return origins, towards / np.linalg.norm(towards, axis=1, keepdims=True)


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name)
def test_the_first_meeting_is_found_and_lies_on_the_surface(kind):
    origins, directions = rays(600)
    along = np.linspace(0, 8, 8001)
    hits = 0
    for origin, direction in zip(origins, directions, strict=True):
        t = intersect(int(kind), *SIZES[kind], *origin, *direction, 1e-6)
        inside = signed(kind, origin + along[:, None] * direction) < -1e-9
        if not np.isfinite(t):
            # A grazing ray may slip between two samples, never the other way round.
            assert not inside.any()
            continue
        hits += 1
        assert abs(signed(kind, origin + t * direction)) < 5e-6
        assert not inside[along < t - 2e-3].any(), "something lies before the first meeting"
    assert 150 < hits < 600


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.name)
def test_normals_are_the_gradient_of_the_surface(kind):
    origins, directions = rays(200)
    step, checked = 1e-5 * np.eye(3), 0
    for origin, direction in zip(origins, directions, strict=True):
        t = intersect(int(kind), *SIZES[kind], *origin, *direction, 1e-6)
        if not np.isfinite(t):
            continue
        point = origin + t * direction
        outward = np.array(normal(int(kind), *SIZES[kind], *point))
        gradient = signed(kind, point + step) - signed(kind, point - step)
        if np.linalg.norm(gradient) < 1e-6 or (kind == Kind.BOX and (np.abs(gradient) > 1e-7).sum() > 1):
            continue  # an edge
        gradient /= np.linalg.norm(gradient)
        if outward @ gradient < 1 - 1e-4:
            rim = kind == Kind.CYLINDER and abs(abs(point[2]) - SIZES[kind][1]) < 1e-4
            assert rim, f"{kind.name} at {point}"
        checked += 1
        assert outward @ direction <= 1e-6, "the side that is seen faces the ray"
    assert checked > 50


def test_closed_forms_along_an_axis():
    # From z = 5 straight down: top of the box, of the ball, of the lid, of the round end, of the tube.
    down = (0.0, 0.0, -1.0)
    assert intersect(0, *SIZES[Kind.BOX], 0.1, 0.1, 5.0, *down, 1e-6) == pytest.approx(5 - 0.8, abs=1e-12)
    assert intersect(1, *SIZES[Kind.ELLIPSOID], 0.0, 0.0, 5.0, *down, 1e-6) == pytest.approx(5 - 0.9, abs=1e-12)
    assert intersect(2, *SIZES[Kind.CYLINDER], 0.1, 0.2, 5.0, *down, 1e-6) == pytest.approx(5 - 0.7, abs=1e-12)
    assert intersect(3, *SIZES[Kind.CAPSULE], 0.0, 0.0, 5.0, *down, 1e-6) == pytest.approx(5 - 0.85, abs=1e-12)
    assert intersect(4, *SIZES[Kind.TORUS], 0.6, 0.0, 5.0, *down, 1e-6) == pytest.approx(5 - 0.2, abs=2e-6)
    assert intersect(4, *SIZES[Kind.TORUS], 0.0, 0.0, 5.0, *down, 1e-6) == np.inf, "through the hole"
    assert intersect(0, *SIZES[Kind.BOX], 0.0, 0.0, -5.0, *down, 1e-6) == np.inf, "behind"
