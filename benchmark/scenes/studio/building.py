"""Solids put together: the random numbers, materials and pieces of furniture that the rooms share."""

from __future__ import annotations

import math
import random

import numpy as np

from benchmark.scenes.studio.solids import Kind, Material, Solid, Vector
from benchmark.scenes.studio.textures import GREYS, PHOTOS

UPRIGHT: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

# Linear tints for the grey textures: plaster, wood, clay, leaf, slate, mustard, brick, denim, rose, ink.
TINTS: tuple[Vector, ...] = (
    (1.5, 1.45, 1.3), (1.5, 0.95, 0.55), (1.6, 0.8, 0.5), (0.7, 1.3, 0.55), (0.75, 0.95, 1.2),
    (1.7, 1.25, 0.4), (1.5, 0.55, 0.45), (0.5, 0.8, 1.6), (1.6, 0.85, 0.95), (0.55, 0.55, 0.65),
)  # fmt: skip


class Dice:
    """Random numbers that are the same in every version of Python: only `random.Random.random` promises that."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high), rounded so that the last bit of this machine's arithmetic is lost."""
        return round(low + (high - low) * self._random.random(), 6)

    def below(self, count: int) -> int:
        """A whole number from 0 to ``count`` - 1."""
        return int(self._random.random() * count)

    def one_of(self, choices):
        """One of a sequence."""
        return choices[self.below(len(choices))]


def axes_of(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> tuple[Vector, Vector, Vector]:
    """Own axes of a solid turned about z, then its x, then its y; degrees."""
    (cz, sz), (cx, sx), (cy, sy) = (_turn(angle) for angle in (yaw, pitch, roll))
    # Rows of (Rz Rx Ry) transposed.
    return (
        (cz * cy - sz * sx * sy, sz * cy + cz * sx * sy, -cx * sy),
        (-sz * cx, cz * cx, sx),
        (cz * sy + sz * sx * cy, sz * sy - cz * sx * cy, cx * cy),
    )


def axes_along(direction: Vector) -> tuple[Vector, Vector, Vector]:
    """Orthonormal axes whose third points along ``direction``."""
    z = _unit(direction)
    x = _unit(_cross((0.0, 0.0, 1.0) if abs(z[2]) < 0.9 else (1.0, 0.0, 0.0), z))
    return x, _cross(z, x), z


def _turn(degrees: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    return round(math.cos(angle), 12), round(math.sin(angle), 12)


def _unit(v: Vector) -> Vector:
    length = math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    return v[0] / length, v[1] / length, v[2] / length


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


class Builder:
    """Collects the solids of a room; lengths in metres, z is up, the cameras look towards +y."""

    def __init__(self, seed: int):
        self.dice = Dice(seed)
        self.solids: list[Solid] = []
        self.bounds = (np.zeros(3), np.ones(3))

    def photo(self, low: float = 0.3, high: float = 0.9) -> Material:
        """A photograph, slightly tinted, whose side is between ``low`` and ``high``."""
        tint = self.dice.uniform(0.8, 1.25), self.dice.uniform(0.8, 1.25), self.dice.uniform(0.8, 1.25)
        return self._material(self.dice.below(len(PHOTOS)), low, high, tint)

    def grey(self, low: float = 0.3, high: float = 0.9, tint: Vector | None = None) -> Material:
        """A grey photograph in one of the tints."""
        strength = self.dice.uniform(0.85, 1.3)
        red, green, blue = tint or self.dice.one_of(TINTS)
        texture = len(PHOTOS) + self.dice.below(len(GREYS))
        return self._material(texture, low, high, (red * strength, green * strength, blue * strength))

    def any(self, low: float = 0.3, high: float = 0.9) -> Material:
        """A photograph or a tinted grey one."""
        return self.photo(low, high) if self.dice.uniform(0, 1) < 0.55 else self.grey(low, high)

    def rough(self, index: int, tile: float, tint: Vector) -> Material:
        """A given grey texture, for walls and floors: 0-1 brick, 2-3 grass, 4-5 gravel."""
        return self._material(len(PHOTOS) + index, tile, tile, tint)

    def _material(self, texture: int, low: float, high: float, tint: Vector, glow: float = 0.0) -> Material:
        shift = self.dice.uniform(0, 2), self.dice.uniform(0, 2)
        return Material(texture, self.dice.uniform(low, high), shift, _turn(self.dice.uniform(0, 360)), tint, glow)

    def box(self, center: Vector, half: Vector, material: Material, axes=UPRIGHT) -> None:
        """A cuboid."""
        self.solids.append(Solid(Kind.BOX, center, axes, half, material))

    def ball(self, center: Vector, radii: Vector, material: Material, axes=UPRIGHT) -> None:
        """An ellipsoid."""
        self.solids.append(Solid(Kind.ELLIPSOID, center, axes, radii, material))

    def drum(self, center: Vector, radius: float, half: float, material: Material, axes=UPRIGHT) -> None:
        """A closed cylinder."""
        self.solids.append(Solid(Kind.CYLINDER, center, axes, (radius, half, 0.0), material))

    def ring(self, center: Vector, radius: float, tube: float, material: Material, axes=UPRIGHT) -> None:
        """A torus."""
        self.solids.append(Solid(Kind.TORUS, center, axes, (radius, tube, 0.0), material))

    def rod(self, start: Vector, end: Vector, radius: float, material: Material) -> None:
        """A straight round bar with round ends."""
        (x0, y0, z0), (x1, y1, z1) = start, end
        direction = (x1 - x0, y1 - y0, z1 - z0)
        length = math.sqrt(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2)
        center = ((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2)
        self.solids.append(Solid(Kind.CAPSULE, center, axes_along(direction), (radius, length / 2, 0.0), material))

    def room(self, width: float, depth: float, height: float, surfaces: list[Material]) -> None:
        """Floor, ceiling, back, front, left and right wall, as thick slabs; the room is centred on the origin."""
        half_width, half_depth, thick = width / 2, depth / 2, 0.2
        self.bounds = (np.array([-half_width, -half_depth, 0.0]), np.array([half_width, half_depth, height]))
        floor, ceiling, back, front, left, right = surfaces
        self.box((0, 0, -thick), (half_width + 0.4, half_depth + 0.4, thick), floor)
        self.box((0, 0, height + thick), (half_width + 0.4, half_depth + 0.4, thick), ceiling)
        self.box((0, half_depth + thick, height / 2), (half_width + 0.4, thick, height), back)
        self.box((0, -half_depth - thick, height / 2), (half_width + 0.4, thick, height), front)
        self.box((-half_width - thick, 0, height / 2), (thick, half_depth + 0.4, height), left)
        self.box((half_width + thick, 0, height / 2), (thick, half_depth + 0.4, height), right)

    def table(self, x: float, y: float, top: float, half_x: float, half_y: float, yaw: float) -> None:
        """A board on four legs."""
        axes, wood = axes_of(yaw), self.grey(0.5, 1.0)
        self.box((x, y, top - 0.02), (half_x, half_y, 0.02), wood, axes)
        for along, across in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            dx, dy = along * (half_x - 0.05), across * (half_y - 0.05)
            foot = x + dx * axes[0][0] + dy * axes[1][0], y + dx * axes[0][1] + dy * axes[1][1]
            self.rod((*foot, 0.02), (*foot, top - 0.05), 0.022, wood)

    def chair(self, x: float, y: float, yaw: float) -> None:
        """A seat, four legs and a back of rods."""
        axes, wood = axes_of(yaw), self.grey(0.4, 0.8)

        def at(dx: float, dy: float, z: float) -> Vector:
            return x + dx * axes[0][0] + dy * axes[1][0], y + dx * axes[0][1] + dy * axes[1][1], z

        self.box(at(0, 0, 0.45), (0.22, 0.22, 0.025), self.any(0.3, 0.6), axes)
        for dx, dy in ((-0.19, -0.19), (0.19, -0.19)):
            self.rod(at(dx, dy, 0.02), at(dx, dy, 0.43), 0.02, wood)
        for dx in (-0.19, 0.19):
            self.rod(at(dx, 0.19, 0.02), at(dx * 1.05, 0.25, 0.95), 0.02, wood)
        for dx in (-0.1, 0.0, 0.1):
            self.rod(at(dx, 0.2, 0.48), at(dx, 0.25, 0.9), 0.01, wood)
        self.rod(at(-0.2, 0.25, 0.92), at(0.2, 0.25, 0.92), 0.025, wood)

    def vase(self, x: float, y: float, z: float, size: float) -> None:
        """A belly, a neck, a lip and a handle."""
        glaze = self.any(0.25, 0.6)
        self.ball((x, y, z + 0.42 * size), (0.32 * size, 0.32 * size, 0.42 * size), glaze)
        self.drum((x, y, z + 0.85 * size), 0.12 * size, 0.15 * size, glaze)
        self.ring((x, y, z + size), 0.13 * size, 0.035 * size, glaze)
        handle = axes_along((self.dice.uniform(-1, 1), self.dice.uniform(-1, 1), 0.0))
        side = handle[0]
        self.ring((x + side[0] * 0.22 * size, y + side[1] * 0.22 * size, z + 0.75 * size), 0.16 * size, 0.03 * size,
                  glaze, handle)  # fmt: skip

    def mug(self, x: float, y: float, z: float, size: float) -> None:
        """A drum with an ear."""
        glaze = self.any(0.15, 0.4)
        self.drum((x, y, z + 0.5 * size), 0.4 * size, 0.5 * size, glaze)
        handle = axes_along((self.dice.uniform(-1, 1), self.dice.uniform(-1, 1), 0.0))
        side = handle[0]
        self.ring((x + side[0] * 0.4 * size, y + side[1] * 0.4 * size, z + 0.5 * size), 0.26 * size, 0.06 * size, glaze,
                  handle)  # fmt: skip

    def books(self, x: float, y: float, z: float, count: int) -> float:
        """A crooked stack; returns the height of its top."""
        for _ in range(count):
            thick = self.dice.uniform(0.015, 0.04)
            half = self.dice.uniform(0.09, 0.15), self.dice.uniform(0.07, 0.11), thick
            self.box((x, y, z + thick), half, self.any(0.2, 0.5), axes_of(self.dice.uniform(-40, 40)))
            z += 2 * thick
        return z

    def plant(self, x: float, y: float, z: float, size: float, leaves: int) -> None:
        """A pot with bent stems that end in flat leaves."""
        self.drum((x, y, z + 0.15 * size), 0.17 * size, 0.15 * size, self.grey(0.3, 0.6))
        green = self.rough(2 + self.dice.below(2), self.dice.uniform(0.2, 0.5), (0.6, 1.4, 0.5))
        for _ in range(leaves):
            dx, dy = self.dice.uniform(-1, 1) * 0.3 * size, self.dice.uniform(-1, 1) * 0.3 * size
            top = z + size * self.dice.uniform(0.6, 1.1)
            self.rod((x, y, z + 0.28 * size), (x + dx, y + dy, top), 0.006, green)
            tilt = axes_of(self.dice.uniform(0, 360), self.dice.uniform(-50, 50), self.dice.uniform(-50, 50))
            self.ball((x + dx, y + dy, top), (0.16 * size, 0.08 * size, 0.012), green, tilt)

    def floor_lamp(self, x: float, y: float, height: float) -> None:
        """A foot, a thin pole and a shade."""
        metal = self.grey(0.3, 0.5)
        self.drum((x, y, 0.02), 0.16, 0.02, metal)
        self.rod((x, y, 0.03), (x, y, height), 0.013, metal)
        self.drum((x, y, height), 0.2, 0.14, self.any(0.4, 0.8))

    def wheel(self, center: Vector, radius: float, spokes: int, facing: Vector) -> None:
        """A tyre, a hub and thin spokes."""
        axes, rubber, metal = axes_along(facing), self.grey(0.2, 0.4), self.grey(0.2, 0.4)
        self.ring(center, radius, 0.06 * radius + 0.008, rubber, axes)
        self.drum(center, 0.1 * radius, 0.03, metal, axes)
        for spoke in range(spokes):
            cosine, sine = _turn(360.0 * spoke / spokes)
            rim: Vector = tuple(  # type: ignore[assignment]
                center[i] + radius * (cosine * axes[0][i] + sine * axes[1][i]) for i in range(3)
            )
            self.rod(center, rim, 0.006, metal)

    def ladder(self, foot: Vector, head: Vector, width: float, rungs: int) -> None:
        """Two rails and rungs, leaning from foot to head; ``width`` along x."""
        wood = self.grey(0.4, 0.8)
        for side in (-width / 2, width / 2):
            self.rod((foot[0] + side, foot[1], foot[2]), (head[0] + side, head[1], head[2]), 0.022, wood)
        for rung in range(1, rungs + 1):
            share = rung / (rungs + 1)
            x, y, z = (foot[i] + share * (head[i] - foot[i]) for i in range(3))
            self.rod((x - width / 2, y, z), (x + width / 2, y, z), 0.016, wood)

    def picture(self, x: float, z: float, half_x: float, half_z: float, wall_y: float) -> None:
        """A framed photograph on the back wall."""
        self.box((x, wall_y - 0.015, z), (half_x + 0.03, 0.015, half_z + 0.03), self.grey(0.3, 0.5))
        self.box((x, wall_y - 0.035, z), (half_x, 0.006, half_z), self.photo(0.5, 1.0))

    def trinket(self, x: float, y: float, z: float, size: float) -> None:
        """Some small thing that stands at a height ``z`` and is about ``size`` across."""
        kind, material = self.dice.below(8), self.any(0.15 + 0.3 * size, 0.3 + size)
        half = size / 2
        if kind == 0:
            squeeze = self.dice.uniform(0.6, 1.0)
            self.ball((x, y, z + half * squeeze), (half, half, half * squeeze), material)
        elif kind == 1:
            sides = self.dice.uniform(0.25, 0.5) * size, self.dice.uniform(0.25, 0.5) * size
            tall = self.dice.uniform(0.3, 0.9) * size
            self.box((x, y, z + tall), (*sides, tall), material, axes_of(self.dice.uniform(0, 90)))
        elif kind == 2:
            tall = self.dice.uniform(0.3, 0.9) * size
            self.drum((x, y, z + tall), self.dice.uniform(0.2, 0.45) * size, tall, material)
        elif kind == 3:
            lean = axes_along((self.dice.uniform(-1, 1), self.dice.uniform(-1, 1), 0.0))
            self.ring((x, y, z + half), 0.38 * size, 0.12 * size, material, lean)
        elif kind == 4:
            self.vase(x, y, z, 1.3 * size)
        elif kind == 5:
            self.mug(x, y, z, 0.8 * size)
        elif kind == 6:
            self.books(x, y, z, 3 + self.dice.below(4))
        else:
            self.plant(x, y, z, 1.3 * size, 5)
