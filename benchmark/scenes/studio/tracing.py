"""Pictures and depth of a room, by casting rays.

A picture is the mean of a grid of rays a pixel. Each of them sees its own point of the lamp and its own direction of
the sky, so that shadows and corners are soft without noise; depth is that of the one ray through the pixel's centre.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numba import njit

from benchmark.cameras import Camera
from benchmark.scenes.studio.intersect import MISS, NEAR, intersect, normal
from benchmark.scenes.studio.solids import SolidArrays
from benchmark.scenes.studio.textures import LEVELS, SIDE, level_offsets

GRID = 3  # rays a side of a pixel
TILE = 16  # pixels a side that share a list of solids
AMBIENT_REACH = 0.6  # metres within which a solid darkens another
OFFSETS = np.array(level_offsets(), dtype=np.int64)


def trace(
    camera: Camera,
    solids: SolidArrays,
    pyramids: Float32[np.ndarray, "texture texel 3"],
    lamp: Float[np.ndarray, "sample 3"],
    sky: Float[np.ndarray, "sample 3"],
    warmth: tuple[float, float, float],
) -> tuple[UInt8[np.ndarray, "height width 3"], Float32[np.ndarray, "height width"]]:
    """The room as the camera sees it.

    Parameters
    ----------
    lamp
        Points of the lamp in the world, one for each of the rays of a pixel (``GRID`` squared).
    sky
        Unit directions with z > 0 about a surface normal, cosine-distributed, equally many.
    warmth
        Colour of the lamp.

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
        *solids,
        pyramids,
        np.ascontiguousarray(lamp),
        np.ascontiguousarray(sky),
        np.asarray(warmth, dtype=np.float64),
        image,
        depth,
    )
    return image, depth


@njit(nogil=True, cache=True)
def _trace(
    rotation, eye, lens, kinds, centers, axes, sizes, radii, textures, placements, tints, glows,
    pyramids, lamp, sky, warmth, image, depth,
):  # fmt: skip
    height, width = depth.shape
    count = len(kinds)
    everything = np.arange(count)
    nearby = np.empty(count, dtype=np.int64)
    color = np.empty(3)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            bottom, right = min(top + TILE, height), min(left + TILE, width)
            listed = _solids_in_tile(rotation, eye, lens, left, top, right, bottom, centers, radii, nearby)
            for row in range(top, bottom):
                for column in range(left, right):
                    dx, dy, dz, slant = _ray(rotation, lens, column + 0.5, row + 0.5)
                    t, _ = _nearest(eye[0], eye[1], eye[2], dx, dy, dz, nearby[:listed],
                                    kinds, centers, axes, sizes, radii, MISS)  # fmt: skip
                    depth[row, column] = t / slant
                    red = green = blue = 0.0
                    for sample in range(GRID * GRID):
                        x = column + (sample % GRID + 0.5) / GRID
                        y = row + (sample // GRID + 0.5) / GRID
                        dx, dy, dz, slant = _ray(rotation, lens, x, y)
                        t, hit = _nearest(eye[0], eye[1], eye[2], dx, dy, dz, nearby[:listed],
                                          kinds, centers, axes, sizes, radii, MISS)  # fmt: skip
                        if hit < 0:
                            continue
                        _shade(hit, t, eye, dx, dy, dz, 0.6 * t / slant * lens[0], sample, everything, kinds, centers, axes,
                               sizes, radii, textures, placements, tints, glows, pyramids, lamp, sky, warmth,
                               color)  # fmt: skip
                        red += color[0]
                        green += color[1]
                        blue += color[2]
                    for channel, light in enumerate((red, green, blue)):
                        light /= GRID * GRID
                        # A soft shoulder instead of burnt highlights; then the square root that textures.py undoes.
                        value = np.sqrt(1.3 * light / (1.0 + 0.3 * light))
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
def _solids_in_tile(rotation, eye, lens, left, top, right, bottom, centers, radii, nearby):
    """Solids whose bounding ball reaches into the pyramid of a tile; their number."""
    x0, x1 = lens[0] * left + lens[1], lens[0] * right + lens[1]
    y0, y1 = lens[2] * top + lens[3], lens[2] * bottom + lens[3]
    listed = 0
    for solid in range(len(radii)):
        wx, wy, wz = centers[solid, 0] - eye[0], centers[solid, 1] - eye[1], centers[solid, 2] - eye[2]
        x = rotation[0, 0] * wx + rotation[0, 1] * wy + rotation[0, 2] * wz
        y = rotation[1, 0] * wx + rotation[1, 1] * wy + rotation[1, 2] * wz
        z = rotation[2, 0] * wx + rotation[2, 1] * wy + rotation[2, 2] * wz
        radius = radii[solid]
        if z < -radius:
            continue
        # Signed distances to the four sides, which all pass through the eye.
        if (x0 * z - x) > radius * np.sqrt(1.0 + x0 * x0) or (x - x1 * z) > radius * np.sqrt(1.0 + x1 * x1):
            continue
        if (y0 * z - y) > radius * np.sqrt(1.0 + y0 * y0) or (y - y1 * z) > radius * np.sqrt(1.0 + y1 * y1):
            continue
        nearby[listed] = solid
        listed += 1
    return listed


@njit(nogil=True, cache=True)
def _local(axes, x, y, z):
    return (
        axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z,
        axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z,
        axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z,
    )


@njit(nogil=True, cache=True)
def _nearest(ox, oy, oz, dx, dy, dz, listed, kinds, centers, axes, sizes, radii, reach):
    """Distance and index of the first solid within ``reach``; (infinity, -1) if there is none."""
    best, hit = reach, -1
    for solid in listed:
        wx, wy, wz = ox - centers[solid, 0], oy - centers[solid, 1], oz - centers[solid, 2]
        along = wx * dx + wy * dy + wz * dz
        outside = wx * wx + wy * wy + wz * wz - radii[solid] * radii[solid]
        # The bounding ball is behind, beyond what is found already, or passed by.
        if outside > 0.0 and (along > 0.0 or -along - radii[solid] > best or along * along < outside):
            continue
        lx, ly, lz = _local(axes[solid], wx, wy, wz)
        ux, uy, uz = _local(axes[solid], dx, dy, dz)
        t = intersect(kinds[solid], sizes[solid], lx, ly, lz, ux, uy, uz, NEAR)
        if t < best:
            best, hit = t, solid
    if hit < 0:
        return MISS, -1
    return best, hit


@njit(nogil=True, cache=True)
def _occluded(ox, oy, oz, dx, dy, dz, listed, kinds, centers, axes, sizes, radii, reach, glows):
    """Whether anything but a lamp lies within ``reach``."""
    for solid in listed:
        if glows[solid] > 0.0:
            continue
        wx, wy, wz = ox - centers[solid, 0], oy - centers[solid, 1], oz - centers[solid, 2]
        along = wx * dx + wy * dy + wz * dz
        outside = wx * wx + wy * wy + wz * wz - radii[solid] * radii[solid]
        if outside > 0.0 and (along > 0.0 or -along - radii[solid] > reach or along * along < outside):
            continue
        lx, ly, lz = _local(axes[solid], wx, wy, wz)
        ux, uy, uz = _local(axes[solid], dx, dy, dz)
        if intersect(kinds[solid], sizes[solid], lx, ly, lz, ux, uy, uz, NEAR) < reach:
            return True
    return False


@njit(nogil=True, cache=True)
def _shade(
    hit, t, eye, dx, dy, dz, footprint, sample, everything, kinds, centers, axes, sizes, radii, textures, placements,
    tints, glows, pyramids, lamp, sky, warmth, color,
):  # fmt: skip
    """Linear light that leaves a point towards the eye: a diffuse surface under one lamp and an ambient sky."""
    px, py, pz = eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz
    own = axes[hit]
    lx, ly, lz = _local(own, px - centers[hit, 0], py - centers[hit, 1], pz - centers[hit, 2])
    ax, ay, az = normal(kinds[hit], sizes[hit], lx, ly, lz)
    nx = own[0, 0] * ax + own[1, 0] * ay + own[2, 0] * az
    ny = own[0, 1] * ax + own[1, 1] * ay + own[2, 1] * az
    nz = own[0, 2] * ax + own[1, 2] * ay + own[2, 2] * az
    facing = -(nx * dx + ny * dy + nz * dz)
    _texture(pyramids[textures[hit]], placements[hit], lx, ly, lz, ax, ay, az, footprint / max(facing, 0.15), color)
    # Off the surface by a tenth of a millimetre, so that it does not shade itself.
    sx, sy, sz = px + 1e-4 * nx, py + 1e-4 * ny, pz + 1e-4 * nz

    tx, ty, tz = lamp[sample, 0] - sx, lamp[sample, 1] - sy, lamp[sample, 2] - sz
    distance = np.sqrt(tx * tx + ty * ty + tz * tz)
    tx, ty, tz = tx / distance, ty / distance, tz / distance
    direct = nx * tx + ny * ty + nz * tz
    if direct <= 0.0 or _occluded(
        sx, sy, sz, tx, ty, tz, everything, kinds, centers, axes, sizes, radii, distance, glows
    ):
        direct = 0.0
    direct *= 6.0 / (3.0 + distance * distance)

    # A frame about the normal without a branch on its direction (Duff et al., JCGT 2017).
    sign = 1.0 if nz >= 0.0 else -1.0
    a = -1.0 / (sign + nz)
    b = nx * ny * a
    u, v, w = sky[sample, 0], sky[sample, 1], sky[sample, 2]
    ux = u * (1.0 + sign * nx * nx * a) + v * b + w * nx
    uy = u * (sign * b) + v * (sign + ny * ny * a) + w * ny
    uz = u * (-sign * nx) + v * -ny + w * nz
    ambient = 0.26 + 0.10 * nz
    if _occluded(sx, sy, sz, ux, uy, uz, everything, kinds, centers, axes, sizes, radii, AMBIENT_REACH, glows):
        ambient *= 0.35
    for channel in range(3):
        light = glows[hit] + ambient + warmth[channel] * direct
        color[channel] *= tints[hit, channel] * light


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
    color[0] = color[1] = color[2] = 0.0
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
