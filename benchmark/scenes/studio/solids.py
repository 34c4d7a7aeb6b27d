"""What a room is made of: solids with a place, a size and a material, and their arrays for the tracer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

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


class SolidArrays(NamedTuple):
    """Solids as arrays, one row each; metres."""

    kinds: np.ndarray
    centers: np.ndarray
    axes: np.ndarray
    sizes: np.ndarray
    radii: np.ndarray  # of a ball about the centre
    extents: np.ndarray  # half sides of a box about the centre, along the solid's axes
    textures: np.ndarray
    placements: np.ndarray  # tile, shift u, shift v, cosine, sine
    tints: np.ndarray
    glows: np.ndarray


def pack(solids: list[Solid]) -> SolidArrays:
    """Arrays of the solids, in their order."""
    materials = [solid.material for solid in solids]
    return SolidArrays(
        kinds=np.array([int(solid.kind) for solid in solids], dtype=np.int64),
        centers=np.array([solid.center for solid in solids], dtype=np.float64),
        axes=np.array([solid.axes for solid in solids], dtype=np.float64),
        sizes=np.array([solid.size for solid in solids], dtype=np.float64),
        radii=np.array([solid.radius for solid in solids], dtype=np.float64),
        extents=np.array([solid.extent for solid in solids], dtype=np.float64),
        textures=np.array([material.texture for material in materials], dtype=np.int64),
        placements=np.array([(m.tile, *m.shift, *m.turn) for m in materials], dtype=np.float64),
        tints=np.array([material.tint for material in materials], dtype=np.float64),
        glows=np.array([material.glow for material in materials], dtype=np.float64),
    )
