"""Pictures and depth of a room, by casting rays.

A picture is the mean of a grid of rays a pixel. Each of them sees its own point of the lamp and its own direction of
the sky, so that shadows and corners are soft without noise; depth is that of the one ray through the pixel's centre.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, UInt8

from benchmark.cameras import Camera
from benchmark.scenes.studio.intersect import MISS, NEAR, intersect, kernel, normal
from benchmark.scenes.studio.neighbours import CELL, Neighbours
from benchmark.scenes.studio.solids import AXES, CENTER, EXTENT, GLOW, KIND, RADIUS, SHIFT, SIZE, TEXTURE, TINT, TURN
from benchmark.scenes.studio.solids import TILE as TEXTURE_TILE
from benchmark.scenes.studio.textures import LEVELS, SIDE, level_offsets

GRID = 3  # rays a side of a pixel; odd, so that the middle one goes through its centre
TILE = 16  # pixels a side that share a list of solids
AMBIENT_REACH = 0.6  # metres within which a solid darkens another
OFFSETS = np.array(level_offsets(), dtype=np.int64)


class Light(NamedTuple):
    """What lights a room; every array has a row for each ray of a pixel.

    Attributes
    ----------
    lamp
        Points of the lamp in the world.
    sky
        Unit directions, cosine-distributed about +z.
    warmth
        Colour of the lamp.
    """

    lamp: np.ndarray
    sky: np.ndarray
    warmth: np.ndarray


def trace(
    camera: Camera,
    solids: Float[np.ndarray, "solid column"],
    neighbours: Neighbours,
    pyramids: Float32[np.ndarray, "texture texel 3"],
    light: Light,
) -> tuple[UInt8[np.ndarray, "height width 3"], Float32[np.ndarray, "height width"]]:
    """The room as the camera sees it.

    Parameters
    ----------
    neighbours
        Of the same solids, for `AMBIENT_REACH`; its box must hold all that the camera sees.

    Returns
    -------
    image, depth
        Depth along the optical axis, in metres.
    """
    image = np.empty((camera.height, camera.width, 3), dtype=np.uint8)
    depth = np.empty((camera.height, camera.width), dtype=np.float32)
    rotation, translation = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    (fx, _, cx), (_, fy, cy) = camera.intrinsics[:2]
    _trace(
        np.ascontiguousarray(rotation),
        # Element by element: a matrix product may be rounded differently from machine to machine.
        -(rotation * translation[:, None]).sum(axis=0),
        np.array([1.0 / fx, -cx / fx, 1.0 / fy, -cy / fy]),
        solids,
        neighbours,
        pyramids,
        light,
        image,
        depth,
    )
    return image, depth


@kernel
def _trace(rotation, eye, lens, solids, neighbours, pyramids, light, image, depth):
    height, width = depth.shape
    nearby = np.empty(len(solids), dtype=np.int64)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            bottom, right = min(top + TILE, height), min(left + TILE, width)
            count = _solids_in_tile(rotation, eye, lens, left, top, right, bottom, solids, nearby)
            for row in range(top, bottom):
                for column in range(left, right):
                    red = green = blue = 0.0
                    for sample in range(GRID * GRID):
                        x = column + (sample % GRID + 0.5) / GRID
                        y = row + (sample // GRID + 0.5) / GRID
                        dx, dy, dz, slant = _ray(rotation, lens, x, y)
                        t, hit = _nearest(eye[0], eye[1], eye[2], dx, dy, dz, nearby, count, solids)
                        if sample == GRID * GRID // 2:
                            depth[row, column] = t / slant
                        if hit >= 0:
                            # Textures are filtered over a little less than a pixel: the rays average, too.
                            footprint = 0.6 * t / slant * lens[0]
                            r, g, b = _shade(
                                hit, eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz, dx, dy, dz, footprint, sample,
                                solids, neighbours, pyramids, light,
                            )  # fmt: skip
                            red, green, blue = red + r, green + g, blue + b
                    image[row, column, 0] = _exposed(red)
                    image[row, column, 1] = _exposed(green)
                    image[row, column, 2] = _exposed(blue)


@kernel
def _exposed(total):
    mean = total / (GRID * GRID)
    # A soft shoulder instead of burnt highlights; then the square root that textures.py undoes.
    value = np.sqrt(1.7 * mean / (1.0 + 0.7 * mean))
    return np.uint8(min(255.0 * value + 0.5, 255.0))


@kernel
def _ray(rotation, lens, x, y):
    """Unit direction in the world through a point of the image, and the length of its direction with z = 1."""
    cx, cy = lens[0] * x + lens[1], lens[2] * y + lens[3]
    slant = np.sqrt(cx * cx + cy * cy + 1.0)
    dx = (rotation[0, 0] * cx + rotation[1, 0] * cy + rotation[2, 0]) / slant
    dy = (rotation[0, 1] * cx + rotation[1, 1] * cy + rotation[2, 1]) / slant
    dz = (rotation[0, 2] * cx + rotation[1, 2] * cy + rotation[2, 2]) / slant
    return dx, dy, dz, slant


@kernel
def _solids_in_tile(rotation, eye, lens, left, top, right, bottom, solids, nearby):
    """Solids whose bounding box reaches into the pyramid of a tile; their number."""
    x0, x1 = lens[0] * left + lens[1], lens[0] * right + lens[1]
    y0, y1 = lens[2] * top + lens[3], lens[2] * bottom + lens[3]
    # Outward normals of the four sides, which all pass through the eye, in the camera's axes.
    sides = ((-1.0, 0.0, x0), (1.0, 0.0, -x1), (0.0, -1.0, y0), (0.0, 1.0, -y1))
    count = 0
    for solid in range(len(solids)):
        wx, wy, wz = (
            solids[solid, CENTER] - eye[0],
            solids[solid, CENTER + 1] - eye[1],
            solids[solid, CENTER + 2] - eye[2],
        )
        inside = True
        for sx, sy, sz in sides:
            nx = rotation[0, 0] * sx + rotation[1, 0] * sy + rotation[2, 0] * sz
            ny = rotation[0, 1] * sx + rotation[1, 1] * sy + rotation[2, 1] * sz
            nz = rotation[0, 2] * sx + rotation[1, 2] * sy + rotation[2, 2] * sz
            ax, ay, az = _local(solids, solid, nx, ny, nz)
            reach = (
                abs(ax) * solids[solid, EXTENT]
                + abs(ay) * solids[solid, EXTENT + 1]
                + abs(az) * solids[solid, EXTENT + 2]
            )
            # A margin far above rounding, so that what is seen does not depend on it.
            if nx * wx + ny * wy + nz * wz > reach + 1e-6:
                inside = False
        if inside:
            nearby[count] = solid
            count += 1
    return count


@kernel
def _local(solids, solid, x, y, z):
    """A direction of the world in a solid's own axes."""
    return (
        solids[solid, AXES] * x + solids[solid, AXES + 1] * y + solids[solid, AXES + 2] * z,
        solids[solid, AXES + 3] * x + solids[solid, AXES + 4] * y + solids[solid, AXES + 5] * z,
        solids[solid, AXES + 6] * x + solids[solid, AXES + 7] * y + solids[solid, AXES + 8] * z,
    )


@kernel
def _distance(ox, oy, oz, dx, dy, dz, solid, solids, reach):
    """Distance along the ray to one solid if it is below ``reach``, else infinity."""
    wx, wy, wz = ox - solids[solid, CENTER], oy - solids[solid, CENTER + 1], oz - solids[solid, CENTER + 2]
    radius = solids[solid, RADIUS]
    along = wx * dx + wy * dy + wz * dz
    outside = wx * wx + wy * wy + wz * wz - radius * radius
    # The bounding ball is behind, out of reach, or passed by.
    if outside > 0.0 and (along > 0.0 or -along - radius > reach or along * along < outside):
        return MISS
    lx, ly, lz = _local(solids, solid, wx, wy, wz)
    ux, uy, uz = _local(solids, solid, dx, dy, dz)
    a, b, c = solids[solid, SIZE], solids[solid, SIZE + 1], solids[solid, SIZE + 2]
    t = intersect(int(solids[solid, KIND]), a, b, c, lx, ly, lz, ux, uy, uz, NEAR)
    return t if t < reach else MISS


@kernel
def _nearest(ox, oy, oz, dx, dy, dz, nearby, count, solids):
    """Distance and index of the first of ``count`` solids on a ray; (infinity, -1) if there is none."""
    best, hit = MISS, -1
    for index in range(count):
        solid = nearby[index]
        t = _distance(ox, oy, oz, dx, dy, dz, solid, solids, best)
        if t < best:
            best, hit = t, solid
    return best, hit


@kernel
def _blocked(ox, oy, oz, dx, dy, dz, items, start, end, solids, reach):
    for index in range(start, end):
        if _distance(ox, oy, oz, dx, dy, dz, items[index], solids, reach) < reach:
            return True
    return False


@kernel
def _cell(origin, counts, x, y, z):
    i = min(max(int((x - origin[0]) / CELL), 0), counts[0] - 1)
    j = min(max(int((y - origin[1]) / CELL), 0), counts[1] - 1)
    k = min(max(int((z - origin[2]) / CELL), 0), counts[2] - 1)
    return (i * counts[1] + j) * counts[2] + k


@kernel
def _shade(hit, px, py, pz, dx, dy, dz, footprint, sample, solids, neighbours, pyramids, light):
    """Linear light that leaves a point towards the eye: a diffuse surface under one lamp and an ambient sky."""
    lx, ly, lz = _local(
        solids, hit, px - solids[hit, CENTER], py - solids[hit, CENTER + 1], pz - solids[hit, CENTER + 2]
    )
    ax, ay, az = normal(
        int(solids[hit, KIND]), solids[hit, SIZE], solids[hit, SIZE + 1], solids[hit, SIZE + 2], lx, ly, lz
    )
    nx = solids[hit, AXES] * ax + solids[hit, AXES + 3] * ay + solids[hit, AXES + 6] * az
    ny = solids[hit, AXES + 1] * ax + solids[hit, AXES + 4] * ay + solids[hit, AXES + 7] * az
    nz = solids[hit, AXES + 2] * ax + solids[hit, AXES + 5] * ay + solids[hit, AXES + 8] * az
    facing = max(-(nx * dx + ny * dy + nz * dz), 0.15)
    red, green, blue = _texture(pyramids, solids, hit, lx, ly, lz, ax, ay, az, footprint / facing)

    # Off the surface by a tenth of a millimetre, so that it does not shade itself.
    sx, sy, sz = px + 1e-4 * nx, py + 1e-4 * ny, pz + 1e-4 * nz
    cell = _cell(neighbours.origin, neighbours.counts, sx, sy, sz)
    tx, ty, tz = light.lamp[sample, 0] - sx, light.lamp[sample, 1] - sy, light.lamp[sample, 2] - sz
    distance = np.sqrt(tx * tx + ty * ty + tz * tz)
    tx, ty, tz = tx / distance, ty / distance, tz / distance
    direct = max(nx * tx + ny * ty + nz * tz, 0.0) * 8.0 / (3.0 + distance * distance)
    if direct > 0.0:
        start, end = neighbours.lamp_starts[cell], neighbours.lamp_starts[cell + 1]
        if _blocked(sx, sy, sz, tx, ty, tz, neighbours.lamp_items, start, end, solids, distance):
            direct = 0.0

    # A frame about the normal without a branch on its direction (Duff et al., JCGT 2017).
    sign = 1.0 if nz >= 0.0 else -1.0
    a = -1.0 / (sign + nz)
    b = nx * ny * a
    u, v, w = light.sky[sample, 0], light.sky[sample, 1], light.sky[sample, 2]
    ux = u * (1.0 + sign * nx * nx * a) + v * b + w * nx
    uy = u * (sign * b) + v * (sign + ny * ny * a) + w * ny
    uz = u * (-sign * nx) + v * -ny + w * nz
    ambient = 0.26 + 0.10 * nz
    start, end = neighbours.near_starts[cell], neighbours.near_starts[cell + 1]
    if _blocked(sx, sy, sz, ux, uy, uz, neighbours.near_items, start, end, solids, AMBIENT_REACH):
        ambient *= 0.35
    ambient += solids[hit, GLOW]
    return (
        red * solids[hit, TINT] * (ambient + light.warmth[0] * direct),
        green * solids[hit, TINT + 1] * (ambient + light.warmth[1] * direct),
        blue * solids[hit, TINT + 2] * (ambient + light.warmth[2] * direct),
    )


@kernel
def _texture(pyramids, solids, hit, lx, ly, lz, ax, ay, az, footprint):
    """Texture on the side of a cube that the normal points to, filtered over the pixel's footprint in metres."""
    px, py, pz = abs(ax), abs(ay), abs(az)
    if px >= py and px >= pz:
        u, v = (ly if ax > 0.0 else -ly), -lz
    elif py >= pz:
        u, v = (-lx if ay > 0.0 else lx), -lz
    else:
        u, v = lx, (-ly if az > 0.0 else ly)
    tile, cosine, sine = solids[hit, TEXTURE_TILE], solids[hit, TURN], solids[hit, TURN + 1]
    s = (cosine * u - sine * v) / tile + solids[hit, SHIFT]
    t = (sine * u + cosine * v) / tile + solids[hit, SHIFT + 1]
    texels = footprint / tile * SIDE
    level = 0
    while texels >= 2.0 and level < LEVELS - 1:
        texels *= 0.5
        level += 1
    texture = int(solids[hit, TEXTURE])
    red, green, blue = _bilinear(pyramids, texture, level, s, t)
    blend = min(max(texels - 1.0, 0.0), 1.0)
    if blend > 0.0:
        r, g, b = _bilinear(pyramids, texture, min(level + 1, LEVELS - 1), s, t)
        red, green, blue = red + blend * (r - red), green + blend * (g - green), blue + blend * (b - blue)
    return red, green, blue


@kernel
def _mirrored(index, side):
    # Sides are powers of two.
    index &= 2 * side - 1
    return index if index < side else 2 * side - 1 - index


@kernel
def _bilinear(pyramids, texture, level, s, t):
    side = SIDE >> level
    x, y = s * side - 0.5, t * side - 0.5
    column, row = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - column, y - row
    red = green = blue = 0.0
    for dy in range(2):
        wy = fy if dy == 1 else 1.0 - fy
        start = OFFSETS[level] + _mirrored(row + dy, side) * side
        for dx in range(2):
            share = wy * (fx if dx == 1 else 1.0 - fx)
            texel = start + _mirrored(column + dx, side)
            red += share * pyramids[texture, texel, 0]
            green += share * pyramids[texture, texel, 1]
            blue += share * pyramids[texture, texel, 2]
    return red, green, blue
