"""The five rooms. Each function fills a `Builder`; what it draws by lot depends on the seed alone."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmark.scenes.studio.building import Builder, axes_along, axes_of


def shelves(b: Builder, objects: int) -> None:
    """Two racks at an angle, a table before them, a ladder and a lamp."""
    b.room(6.4, 6.8, 2.9, [
        b.rough(3, 1.6, (1.5, 1.0, 0.6)), b.rough(3, 2.6, (1.6, 1.6, 1.5)), b.rough(0, 1.7, (1.5, 1.3, 1.1)),
        b.rough(4, 1.8, (1.3, 1.3, 1.3)), b.rough(2, 2.4, (1.0, 1.3, 1.6)), b.rough(5, 2.0, (1.5, 1.25, 0.9)),
    ])  # fmt: skip
    for center_x, center_y, yaw in ((-1.0, 2.0, 14.0), (1.35, 2.5, -20.0)):
        axes, wood = axes_of(yaw), b.grey(0.5, 1.0)

        def at(dx: float, dy: float, z: float, cx=center_x, cy=center_y, axes=axes):
            return cx + dx * axes[0][0] + dy * axes[1][0], cy + dx * axes[0][1] + dy * axes[1][1], z

        for level in range(5):
            height = 0.12 + 0.5 * level
            b.box(at(0, 0, height), (0.85, 0.2, 0.016), wood, axes)
            for place in range(5):
                x, y, z = at(-0.68 + 0.34 * place + b.dice.uniform(-0.05, 0.05), b.dice.uniform(-0.12, 0.05), height)
                if level < 4 or place % 2:
                    b.trinket(x, y, z + 0.016, b.dice.uniform(0.2, 0.34))
        for side in (-0.84, 0.84):
            for depth in (-0.18, 0.18):
                b.rod(at(side, depth, 0.02), at(side, depth, 2.3), 0.018, wood)
    b.table(0.1, 0.15, 0.72, 0.75, 0.42, 12.0)
    for _ in range(objects):
        b.trinket(b.dice.uniform(-0.55, 0.7), b.dice.uniform(-0.15, 0.4), 0.72, b.dice.uniform(0.14, 0.34))
    b.ladder((2.0, 1.0, 0.0), (2.4, 2.4, 2.3), 0.4, 7)
    b.floor_lamp(-1.9, 0.7, 1.55)
    b.chair(-0.95, -0.15, 35.0)
    b.chair(1.25, -0.35, -60.0)
    b.plant(-2.4, 1.9, 0.0, 0.9, 9)
    b.picture(-2.3, 1.9, 0.35, 0.3, 3.4)


def hanging(b: Builder, objects: int) -> None:
    """Things of all sizes on strings, from right before the camera to the far wall."""
    b.room(7.0, 8.0, 3.4, [
        b.rough(4, 1.5, (1.2, 1.2, 1.3)), b.rough(1, 2.2, (1.3, 1.3, 1.5)), b.rough(3, 2.0, (1.6, 1.2, 1.0)),
        b.rough(0, 2.0, (1.2, 1.2, 1.2)), b.rough(5, 2.6, (0.8, 1.2, 1.1)), b.rough(2, 2.2, (1.3, 1.2, 0.7)),
    ])  # fmt: skip
    string = b.grey(0.1, 0.2)
    for index in range(objects):
        # Nearer rows reach less far to the sides, so that every row fills the picture and none blocks it.
        y = -1.2 + 4.6 * (index + b.dice.uniform(0, 1)) / objects
        x, z = b.dice.uniform(-1, 1) * (0.9 + 0.42 * (y + 1.4)), b.dice.uniform(0.45, 2.5)
        size = b.dice.uniform(0.13, 0.24) * (1.0 + 0.22 * (y + 1.2))
        material, kind = b.any(0.3, 0.7), index % 5
        tilt = axes_of(b.dice.uniform(0, 360), b.dice.uniform(-40, 40), b.dice.uniform(-40, 40))
        b.rod((x, y, z + 0.5 * size), (x, y, 3.4), 0.007, string)
        if kind == 0:
            b.ball((x, y, z), (size, size, size * b.dice.uniform(0.7, 1.2)), material)
        elif kind == 1:
            b.box((x, y, z), (0.8 * size, b.dice.uniform(0.1, 0.8) * size, 0.7 * size), material, tilt)
        elif kind == 2:
            b.ring((x, y, z), 0.85 * size, 0.26 * size, material, tilt)
        elif kind == 3:
            b.rod((x - size, y, z - 0.4 * size), (x + size, y + 0.4 * size, z + 0.3 * size), 0.38 * size, material)
        else:
            b.drum((x, y, z), 0.55 * size, 0.9 * size, material, tilt)
    for _ in range(9):
        b.trinket(b.dice.uniform(-2.4, 2.4), b.dice.uniform(0.6, 3.4), 0.0, b.dice.uniform(0.35, 0.8))
    b.ladder((-2.6, 1.6, 0.0), (-2.5, 3.6, 2.8), 0.45, 8)
    b.picture(1.2, 1.4, 0.6, 0.45, 4.0)
    b.picture(-1.1, 1.9, 0.4, 0.5, 4.0)


def colonnade(b: Builder, objects: int) -> None:
    """Two rows of columns that run into the depth, with rails, arches and things between them."""
    b.room(6.0, 10.0, 4.0, [
        b.rough(5, 1.4, (1.4, 1.25, 1.0)), b.rough(0, 2.4, (1.3, 1.3, 1.4)), b.rough(2, 3.0, (0.8, 1.1, 1.5)),
        b.rough(4, 2.0, (1.2, 1.2, 1.2)), b.rough(1, 2.2, (1.5, 1.0, 0.8)), b.rough(3, 1.8, (1.5, 1.5, 1.2)),
    ])  # fmt: skip
    for index in range(10):
        side, row = (-1, 1)[index % 2], index // 2
        x, y = side * (1.15 + 0.12 * (row % 2)) + 0.2 * math.sqrt(row), -0.9 + 1.15 * row + (0.5 if side > 0 else 0.0)
        stone, radius = b.any(0.7, 1.4), b.dice.uniform(0.13, 0.2)
        b.box((x, y, 0.06), (1.5 * radius, 1.5 * radius, 0.06), stone, axes_of(b.dice.uniform(-20, 20)))
        b.ring((x, y, 0.16), radius, 0.06, stone)
        b.drum((x, y, 1.35), radius, 1.25, stone)
        b.ring((x, y, 2.6), radius, 0.05, stone)
        b.box((x, y, 2.72), (1.4 * radius, 1.4 * radius, 0.1), stone)
        if row < 4:
            b.rod((x, y, 0.7 + 0.2 * row), (x + 0.05, y + 1.15, 0.8 + 0.2 * row), 0.02, b.grey())
        if side < 0:
            b.ring((x + 1.25, y + 0.25, 2.75), 1.15, 0.06, stone, axes_along((0.15, 1.0, 0.0)))
    for _ in range(objects):
        y = b.dice.uniform(-1.0, 4.4)
        b.trinket(b.dice.uniform(-0.85, 1.15), y, 0.0, b.dice.uniform(0.2, 0.55))
    for _ in range(6):
        x, y = b.dice.one_of((-2.2, 2.4)), b.dice.uniform(0.0, 4.0)
        b.vase(x, y, 0.0, b.dice.uniform(0.6, 1.1))
    for row in range(4):
        x, y, z = b.dice.uniform(-0.6, 0.8), 0.2 + 1.1 * row, b.dice.uniform(1.7, 2.3)
        b.rod((x, y, z), (x, y, 4.0), 0.008, b.grey())
        b.ball((x, y, z), (0.17, 0.17, 0.22), b.any(0.3, 0.5))


def pile(b: Builder, objects: int) -> None:
    """A heap thrown together, on and around a low table."""
    b.room(5.6, 6.4, 2.7, [
        b.rough(2, 1.3, (1.2, 0.9, 0.7)), b.rough(1, 2.4, (1.5, 1.5, 1.5)), b.rough(5, 2.3, (1.0, 1.3, 1.0)),
        b.rough(4, 2.0, (1.2, 1.2, 1.2)), b.rough(3, 1.5, (1.5, 1.1, 1.1)), b.rough(1, 1.8, (1.4, 1.3, 1.1)),
    ])  # fmt: skip
    b.table(0.1, 0.9, 0.5, 0.9, 0.6, -10.0)
    for index in range(objects):
        # A cone of things: the further out, the lower they lie.
        angle, out = b.dice.uniform(0, 360), math.sqrt(b.dice.uniform(0.01, 1.0))
        (cosine, sine, _), *_ = axes_of(angle)
        x, y = 0.1 + 1.55 * out * cosine, 0.8 + 1.35 * out * sine
        ground = 0.5 if out < 0.45 else 0.0
        size = b.dice.uniform(0.1, 0.27)
        z = ground + size * 0.7 + (1.0 - out) * 0.75 * b.dice.uniform(0.0, 1.0)
        tilt = axes_of(angle, b.dice.uniform(-60, 60), b.dice.uniform(-60, 60))
        material, kind = b.any(0.25, 0.7), index % 6
        if kind == 0:
            b.ball((x, y, z), (size, size * b.dice.uniform(0.6, 1.0), size), material, tilt)
        elif kind in (1, 4):
            b.box((x, y, z), (size, b.dice.uniform(0.3, 0.9) * size, b.dice.uniform(0.2, 0.8) * size), material, tilt)
        elif kind == 2:
            b.ring((x, y, z), 0.8 * size, 0.25 * size, material, tilt)
        elif kind == 3:
            b.drum((x, y, z), 0.5 * size, size, material, tilt)
        else:
            end = x + b.dice.uniform(-0.6, 0.6), y + b.dice.uniform(-0.4, 0.4), z + b.dice.uniform(-0.1, 0.5)
            b.rod((x, y, z), end, b.dice.uniform(0.015, 0.05), material)
    for x, y in ((-2.1, 2.3), (2.1, 1.4), (-1.9, -0.2), (1.9, 2.6)):
        top = b.books(x, y, 0.0, 5)
        b.trinket(x, y, top, 0.35)
    b.floor_lamp(1.5, 2.2, 1.7)
    b.chair(-1.5, 2.3, 150.0)
    b.wheel((-0.9, 3.0, 0.55), 0.5, 10, (0.2, 1.0, 0.25))
    b.picture(0.7, 1.6, 0.5, 0.4, 3.2)
    b.picture(-0.7, 1.8, 0.3, 0.4, 3.2)


def thin(b: Builder, objects: int) -> None:
    """Rods, wheels, ladders, a cage and chairs, one seen through the other."""
    b.room(6.6, 7.0, 3.0, [
        b.rough(1, 1.8, (1.4, 1.2, 1.0)), b.rough(4, 2.2, (1.5, 1.5, 1.5)), b.rough(0, 2.1, (1.2, 1.35, 1.6)),
        b.rough(0, 2.0, (1.2, 1.2, 1.2)), b.rough(3, 1.9, (1.3, 1.1, 0.7)), b.rough(4, 2.2, (1.5, 1.2, 1.2)),
    ])  # fmt: skip
    for index in range(objects):
        x, y = b.dice.uniform(-1.9, 1.9), -0.9 + 3.8 * index / objects
        lean = b.dice.uniform(-0.5, 0.5), b.dice.uniform(-0.5, 0.5)
        top = b.dice.uniform(1.2, 2.6)
        b.rod((x, y, 0.0), (x + lean[0], y + lean[1], top), b.dice.uniform(0.008, 0.026), b.any(0.2, 0.5))
        if index % 3 == 0:
            b.ball((x + lean[0], y + lean[1], top), (0.12, 0.12, 0.12), b.any(0.2, 0.4))
    for x, y, radius, facing in ((-1.1, 0.3, 0.42, (0.4, 1.0, 0.1)), (0.9, 1.3, 0.55, (-0.5, 1.0, 0.2)),
                                 (-0.1, 2.3, 0.5, (0.1, 1.0, 0.3))):  # fmt: skip
        b.wheel((x, y, radius + 0.03), radius, 12, facing)
    b.ladder((1.6, 0.4, 0.0), (1.9, 2.2, 2.5), 0.42, 8)
    b.ladder((-2.3, 1.2, 0.0), (-2.0, 2.8, 2.6), 0.4, 8)
    # A cage about a ball.
    for spoke in range(10):
        (cosine, sine, _), *_ = axes_of(36.0 * spoke)
        b.rod(
            (0.25 + 0.4 * cosine, 0.2 + 0.4 * sine, 0.75), (0.25 + 0.4 * cosine, 0.2 + 0.4 * sine, 1.5), 0.01, b.grey()
        )
    b.ring((0.25, 0.2, 0.75), 0.4, 0.02, b.grey())
    b.ring((0.25, 0.2, 1.5), 0.4, 0.02, b.grey())
    b.table(0.25, 0.2, 0.72, 0.5, 0.45, 20.0)
    b.ball((0.25, 0.2, 1.0), (0.2, 0.2, 0.26), b.photo(0.3, 0.5))
    b.chair(-0.8, -0.4, 20.0)
    b.chair(1.5, 2.6, 200.0)
    b.plant(-1.6, 2.2, 0.0, 1.1, 12)
    b.plant(2.3, 1.0, 0.0, 0.8, 9)
    for _ in range(10):
        b.trinket(b.dice.uniform(-2.4, 2.4), b.dice.uniform(1.6, 3.1), 0.0, b.dice.uniform(0.3, 0.6))
    b.picture(-0.9, 1.7, 0.55, 0.4, 3.5)
    b.picture(0.8, 1.5, 0.35, 0.45, 3.5)


ROOMS: dict[str, Callable[[Builder, int], None]] = {
    "shelves": shelves,
    "hanging": hanging,
    "colonnade": colonnade,
    "pile": pile,
    "thin": thin,
}
