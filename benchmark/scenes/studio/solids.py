"""What a room is made of: solids with a place, a size and a material, and their table for the tracer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float

Vector = tuple[float, float, float]


class Kind(IntEnum):
    """Shape of a solid and what its ``size`` means, in its own axes."""

    BOX = 0  # half sides
    ELLIPSOID = 1  # radii
    CYLINDER = 2  # radius, half length along the third axis, -
    CAPSULE = 3  # radius, half length of its straight part along the third axis, -
    TORUS = 4  # radius of the ring about the third axis, radius of the tube, -


@dataclass(frozen=True)
class Material:
    """A texture and how it lies on a solid.

    Attributes
    ----------
    texture
        Index into `textures.texture_pyramids`.
    tile
        Side of the texture on the solid in metres; it repeats mirrored.
    shift, turn
        Offset in tiles and rotation (cosine, sine) of the texture.
    tint
        Factors of linear red, green, blue.
    glow
        Light given off, as a factor of the texture; 0 for all but lamps.
    """

    texture: int
    tile: float
    shift: tuple[float, float]
    turn: tuple[float, float]
    tint: Vector
    glow: float = 0.0


@dataclass(frozen=True)
class Solid:
    """One primitive; ``axes`` are its own x, y, z in the world (orthonormal, right-handed)."""

    kind: Kind
    center: Vector
    axes: tuple[Vector, Vector, Vector]
    size: Vector
    material: Material

    @property
    def radius(self) -> float:
        """Radius of a ball about the centre that holds the solid."""
        a, b, c = self.size
        return {
            Kind.BOX: math.sqrt(a * a + b * b + c * c),
            Kind.ELLIPSOID: max(a, b, c),
            Kind.CYLINDER: math.sqrt(a * a + b * b),
            Kind.CAPSULE: a + b,
            Kind.TORUS: a + b,
        }[self.kind]

    @property
    def extent(self) -> Vector:
        """Half sides of a box in the solid's own axes that holds it."""
        a, b, c = self.size
        return {
            Kind.BOX: (a, b, c),
            Kind.ELLIPSOID: (a, b, c),
            Kind.CYLINDER: (a, a, b),
            Kind.CAPSULE: (a, a, a + b),
            Kind.TORUS: (a + b, a + b, b),
        }[self.kind]


# Columns of a solid's row in a table: the tracer is handed one array, since each more that a compiled function takes
# costs as much as an intersection.
KIND, CENTER, AXES, SIZE, RADIUS, EXTENT = 0, 1, 4, 13, 16, 17
TEXTURE, TILE, SHIFT, TURN, TINT, GLOW = 20, 21, 22, 24, 26, 29


def table(solids: list[Solid]) -> Float[np.ndarray, "solid column"]:
    """The solids in their order, a row each, with the columns named above; metres."""
    rows = [
        (
            float(solid.kind), *solid.center, *(value for axis in solid.axes for value in axis), *solid.size,
            solid.radius, *solid.extent, float(solid.material.texture), solid.material.tile, *solid.material.shift,
            *solid.material.turn, *solid.material.tint, solid.material.glow,
        )
        for solid in solids
    ]  # fmt: skip
    return np.array(rows, dtype=np.float64)
