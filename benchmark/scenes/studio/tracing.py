"""Pictures and depth of a room, by casting rays.

A picture is the mean of a grid of rays a pixel. Each of them sees its own point of the lamp and its own direction of
the sky, so that shadows and corners are soft without noise; depth is that of the one ray through the pixel's centre.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8
from numba import njit

from benchmark.cameras import Camera
from benchmark.scenes.studio.intersect import MISS, NEAR, intersect, normal
from benchmark.scenes.studio.neighbours import CELL, Neighbours
from benchmark.scenes.studio.solids import SolidArrays
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
    solids: SolidArrays,
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


@njit(nogil=True, cache=True)
def _trace(rotation, eye, lens, solids, neighbours, pyramids, light, image, depth):
    height, width = depth.shape
    nearby = np.empty(len(solids.kinds), dtype=np.int64)
    color, total = np.empty(3), np.empty(3)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            bottom, right = min(top + TILE, height), min(left + TILE, width)
            listed = nearby[: _solids_in_tile(rotation, eye, lens, left, top, right, bottom, solids, nearby)]
            for row in range(top, bottom):
                for column in range(left, right):
                    total[:] = 0.0
                    for sample in range(GRID * GRID):
                        x = column + (sample % GRID + 0.5) / GRID
                        y = row + (sample // GRID + 0.5) / GRID
                        dx, dy, dz, slant = _ray(rotation, lens, x, y)
                        t, hit = _nearest(eye[0], eye[1], eye[2], dx, dy, dz, listed, solids)
                        if sample == GRID * GRID // 2:
                            depth[row, column] = t / slant
                        if hit >= 0:
                            # Textures are filtered over a little less than a pixel: the rays average, too.
                            footprint = 0.6 * t / slant * lens[0]
                            _shade(hit, t, eye, dx, dy, dz, footprint, sample, solids, neighbours, pyramids, light, color)
                            total += color
                    for channel in range(3):
                        mean = total[channel] / (GRID * GRID)
                        # A soft shoulder instead of burnt highlights; then the square root that textures.py undoes.
                        value = np.sqrt(1.3 * mean / (1.0 + 0.3 * mean))
                        image[row, column, channel] = np.uint8(min(255.0 * value + 0.5, 255.0))


@njit(nogil=True, cache=True)
def _ray(rotation, lens, x, y):
    """Unit direction in the world through a point of the image, and the length of its direction with z = 1."""
    cx, cy = lens[0] * x + lens[1], lens[2] * y + lens[3]
    slant = np.sqrt(cx * cx + cy * cy + 1.0)
    dx = (rotation[0, 0] * cx + rotation[1, 0] * cy + rotation[2, 0]) / slant
    dy = (rotation[0, 1] * cx + rotation[1, 1] * cy + rotation[2, 1]) / slant
    dz = (rotation[0, 2] * cx + rotation[1, 2] * cy + rotation[2, 2]) / slant
    return dx, dy, dz, slant


@njit(nogil=True, cache=True)
def _solids_in_tile(rotation, eye, lens, left, top, right, bottom, solids, nearby):
    """Solids whose bounding box reaches into the pyramid of a tile; their number."""
    x0, x1 = lens[0] * left + lens[1], lens[0] * right + lens[1]
    y0, y1 = lens[2] * top + lens[3], lens[2] * bottom + lens[3]
    # Outward normals of the four sides, which all pass through the eye, in the camera's axes.
    sides = np.array([[-1.0, 0.0, x0], [1.0, 0.0, -x1], [0.0, -1.0, y0], [0.0, 1.0, -y1]]) @ rotation
    count = 0
    for solid in range(len(solids.kinds)):
        inside = True
        for side in range(4):
            nx, ny, nz = sides[side]
            away = (
                nx * (solids.centers[solid, 0] - eye[0])
                + ny * (solids.centers[solid, 1] - eye[1])
                + nz * (solids.centers[solid, 2] - eye[2])
            )
            ax, ay, az = _local(solids.axes[solid], nx, ny, nz)
            half = solids.extents[solid]
            # A margin far above rounding, so that the list does not depend on it.
            if away > abs(ax) * half[0] + abs(ay) * half[1] + abs(az) * half[2] + 1e-6:
                inside = False
                break
        if inside:
            nearby[count] = solid
            count += 1
    return count


@njit(nogil=True, cache=True)
def _local(axes, x, y, z):
    return (
        axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z,
        axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z,
        axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z,
    )


@njit(nogil=True, cache=True)
def _distance(ox, oy, oz, dx, dy, dz, solid, solids, reach):
    """Distance along the ray to one solid if it is below ``reach``, else infinity."""
    wx, wy, wz = ox - solids.centers[solid, 0], oy - solids.centers[solid, 1], oz - solids.centers[solid, 2]
    radius = solids.radii[solid]
    along = wx * dx + wy * dy + wz * dz
    outside = wx * wx + wy * wy + wz * wz - radius * radius
    # The bounding ball is behind, out of reach, or passed by.
    if outside > 0.0 and (along > 0.0 or -along - radius > reach or along * along < outside):
        return MISS
    lx, ly, lz = _local(solids.axes[solid], wx, wy, wz)
    ux, uy, uz = _local(solids.axes[solid], dx, dy, dz)
    t = intersect(solids.kinds[solid], solids.sizes[solid], lx, ly, lz, ux, uy, uz, NEAR)
    return t if t < reach else MISS


@njit(nogil=True, cache=True)
def _nearest(ox, oy, oz, dx, dy, dz, listed, solids):
    """Distance and index of the first solid on a ray; (infinity, -1) if there is none."""
    best, hit = MISS, -1
    for solid in listed:
        t = _distance(ox, oy, oz, dx, dy, dz, solid, solids, best)
        if t < best:
            best, hit = t, solid
    return best, hit


@njit(nogil=True, cache=True)
def _blocked(ox, oy, oz, dx, dy, dz, listed, solids, reach):
    for solid in listed:
        if _distance(ox, oy, oz, dx, dy, dz, solid, solids, reach) < reach:
            return True
    return False


@njit(nogil=True, cache=True)
def _cell(neighbours, x, y, z):
    counts = neighbours.counts
    i = min(max(int((x - neighbours.origin[0]) / CELL), 0), counts[0] - 1)
    j = min(max(int((y - neighbours.origin[1]) / CELL), 0), counts[1] - 1)
    k = min(max(int((z - neighbours.origin[2]) / CELL), 0), counts[2] - 1)
    return (i * counts[1] + j) * counts[2] + k


@njit(nogil=True, cache=True)
def _shade(hit, t, eye, dx, dy, dz, footprint, sample, solids, neighbours, pyramids, light, color):
    """Linear light that leaves a point towards the eye: a diffuse surface under one lamp and an ambient sky."""
    px, py, pz = eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz
    own, center = solids.axes[hit], solids.centers[hit]
    lx, ly, lz = _local(own, px - center[0], py - center[1], pz - center[2])
    ax, ay, az = normal(solids.kinds[hit], solids.sizes[hit], lx, ly, lz)
    nx = own[0, 0] * ax + own[1, 0] * ay + own[2, 0] * az
    ny = own[0, 1] * ax + own[1, 1] * ay + own[2, 1] * az
    nz = own[0, 2] * ax + own[1, 2] * ay + own[2, 2] * az
    facing = max(-(nx * dx + ny * dy + nz * dz), 0.15)
    _texture(pyramids[solids.textures[hit]], solids.placements[hit], lx, ly, lz, ax, ay, az, footprint / facing, color)

    # Off the surface by a tenth of a millimetre, so that it does not shade itself.
    sx, sy, sz = px + 1e-4 * nx, py + 1e-4 * ny, pz + 1e-4 * nz
    cell = _cell(neighbours, sx, sy, sz)
    tx, ty, tz = light.lamp[sample, 0] - sx, light.lamp[sample, 1] - sy, light.lamp[sample, 2] - sz
    distance = np.sqrt(tx * tx + ty * ty + tz * tz)
    tx, ty, tz = tx / distance, ty / distance, tz / distance
    direct = nx * tx + ny * ty + nz * tz
    if direct > 0.0:
        between = neighbours.lamp_items[neighbours.lamp_starts[cell] : neighbours.lamp_starts[cell + 1]]
        if _blocked(sx, sy, sz, tx, ty, tz, between, solids, distance):
            direct = 0.0
    direct = max(direct, 0.0) * 6.0 / (3.0 + distance * distance)

    # A frame about the normal without a branch on its direction (Duff et al., JCGT 2017).
    sign = 1.0 if nz >= 0.0 else -1.0
    a = -1.0 / (sign + nz)
    b = nx * ny * a
    u, v, w = light.sky[sample]
    ux = u * (1.0 + sign * nx * nx * a) + v * b + w * nx
    uy = u * (sign * b) + v * (sign + ny * ny * a) + w * ny
    uz = u * (-sign * nx) + v * -ny + w * nz
    ambient = 0.26 + 0.10 * nz
    around = neighbours.near_items[neighbours.near_starts[cell] : neighbours.near_starts[cell + 1]]
    if _blocked(sx, sy, sz, ux, uy, uz, around, solids, AMBIENT_REACH):
        ambient *= 0.35
    for channel in range(3):
        color[channel] *= solids.tints[hit, channel] * (solids.glows[hit] + ambient + light.warmth[channel] * direct)


@njit(nogil=True, cache=True)
def _texture(pyramid, placement, lx, ly, lz, ax, ay, az, footprint, color):
    """Texture on the side of a cube that the normal points to, filtered over the pixel's footprint in metres."""
    px, py, pz = abs(ax), abs(ay), abs(az)
    if px >= py and px >= pz:
        u, v = (ly if ax > 0.0 else -ly), -lz
    elif py >= pz:
        u, v = (-lx if ay > 0.0 else lx), -lz
    else:
        u, v = lx, (-ly if az > 0.0 else ly)
    tile, cosine, sine = placement[0], placement[3], placement[4]
    s = (cosine * u - sine * v) / tile + placement[1]
    t = (sine * u + cosine * v) / tile + placement[2]
    texels = footprint / tile * SIDE
    level = 0
    while texels >= 2.0 and level < LEVELS - 1:
        texels *= 0.5
        level += 1
    blend = min(max(texels - 1.0, 0.0), 1.0)
    color[:] = 0.0
    _add_bilinear(pyramid, level, s, t, 1.0 - blend, color)
    if blend > 0.0:
        _add_bilinear(pyramid, min(level + 1, LEVELS - 1), s, t, blend, color)


@njit(nogil=True, cache=True)
def _mirrored(index, side):
    index %= 2 * side
    return index if index < side else 2 * side - 1 - index


@njit(nogil=True, cache=True)
def _add_bilinear(pyramid, level, s, t, weight, color):
    side = SIDE >> level
    x, y = s * side - 0.5, t * side - 0.5
    column, row = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - column, y - row
    for dy in range(2):
        wy = fy if dy == 1 else 1.0 - fy
        start = OFFSETS[level] + _mirrored(row + dy, side) * side
        for dx in range(2):
            share = weight * wy * (fx if dx == 1 else 1.0 - fx)
            texel = start + _mirrored(column + dx, side)
            for channel in range(3):
                color[channel] += share * pyramid[texel, channel]
