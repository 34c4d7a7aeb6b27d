"""Where a ray meets a solid, in the solid's own axes.

Additions, products, quotients and square roots only, all of which IEEE 754 rounds in one way, so that a room has the
same pixels on every machine; no fast-math for the same reason.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Divisions by zero give infinity, as the slabs of a box expect, instead of a test each. The cache on disk does not
# notice a change in another file: after changing a kernel here, touch tracing.py as well.
kernel = njit(nogil=True, cache=True, error_model="numpy")

NEAR = 1e-6
MISS = np.inf


@kernel
def intersect(kind, a, b, c, ox, oy, oz, dx, dy, dz, near):
    """Smallest distance > ``near`` along a unit ray at which it meets a solid of size (a, b, c), else infinity."""
    if kind == 0:
        return _box(a, b, c, ox, oy, oz, dx, dy, dz, near)
    if kind == 1:
        return _ellipsoid(a, b, c, ox, oy, oz, dx, dy, dz, near)
    if kind == 2:
        return _cylinder(a, b, ox, oy, oz, dx, dy, dz, near)
    if kind == 3:
        return _capsule(a, b, ox, oy, oz, dx, dy, dz, near)
    return _torus(a, b, ox, oy, oz, dx, dy, dz, near)


@kernel
def normal(kind, a, b, c, x, y, z):
    """Outward unit normal at a point of the surface, in the solid's axes."""
    if kind == 0:
        px, py, pz = abs(x) / a, abs(y) / b, abs(z) / c
        if px >= py and px >= pz:
            return np.sign(x), 0.0, 0.0
        if py >= pz:
            return 0.0, np.sign(y), 0.0
        return 0.0, 0.0, np.sign(z)
    if kind == 1:
        nx, ny, nz = x / a**2, y / b**2, z / c**2
    elif kind == 2:
        if abs(z) / b > np.sqrt(x * x + y * y) / a:
            return 0.0, 0.0, np.sign(z)
        nx, ny, nz = x, y, 0.0
    elif kind == 3:
        nx, ny, nz = x, y, z - min(max(z, -b), b)
    else:
        ring = a / max(np.sqrt(x * x + y * y), 1e-12)
        nx, ny, nz = x - x * ring, y - y * ring, z
    length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
    return nx / length, ny / length, nz / length


@kernel
def _slab(o, d, half):
    if abs(d) < 1e-12:
        if abs(o) > half:
            return np.inf, -np.inf
        return -np.inf, np.inf
    first, second = (-half - o) / d, (half - o) / d
    return min(first, second), max(first, second)


@kernel
def _box(a, b, c, ox, oy, oz, dx, dy, dz, near):
    enter_x, leave_x = _slab(ox, dx, a)
    enter_y, leave_y = _slab(oy, dy, b)
    enter_z, leave_z = _slab(oz, dz, c)
    enter = max(enter_x, enter_y, enter_z)
    leave = min(leave_x, leave_y, leave_z)
    if enter > leave:
        return MISS
    if enter > near:
        return enter
    return leave if leave > near else MISS


@kernel
def _nearer_root(a, half_b, c, near):
    """Smallest root > near of a t^2 + 2 half_b t + c."""
    discriminant = half_b * half_b - a * c
    if discriminant < 0.0 or a < 1e-18:
        return MISS
    root = np.sqrt(discriminant)
    t = (-half_b - root) / a
    if t > near:
        return t
    t = (-half_b + root) / a
    return t if t > near else MISS


@kernel
def _ellipsoid(a, b, c, ox, oy, oz, dx, dy, dz, near):
    px, py, pz = ox / a, oy / b, oz / c
    qx, qy, qz = dx / a, dy / b, dz / c
    return _nearer_root(
        qx * qx + qy * qy + qz * qz, px * qx + py * qy + pz * qz, px * px + py * py + pz * pz - 1.0, near
    )


@kernel
def _cylinder(radius, half, ox, oy, oz, dx, dy, dz, near):
    enter, leave = _slab(oz, dz, half)
    a = dx * dx + dy * dy
    half_b = ox * dx + oy * dy
    c = ox * ox + oy * oy - radius * radius
    if a < 1e-18:
        if c > 0.0:
            return MISS
    else:
        discriminant = half_b * half_b - a * c
        if discriminant < 0.0:
            return MISS
        root = np.sqrt(discriminant)
        enter = max(enter, (-half_b - root) / a)
        leave = min(leave, (-half_b + root) / a)
    if enter > leave:
        return MISS
    if enter > near:
        return enter
    return leave if leave > near else MISS


@kernel
def _capsule(radius, half, ox, oy, oz, dx, dy, dz, near):
    """From outside only: the union of a tube and two balls."""
    best = MISS
    a = dx * dx + dy * dy
    if a > 1e-18:
        t = _nearer_root(a, ox * dx + oy * dy, ox * ox + oy * oy - radius * radius, near)
        if t < best and abs(oz + t * dz) <= half:
            best = t
    for side in (-half, half):
        z = oz - side
        t = _nearer_root(1.0, ox * dx + oy * dy + z * dz, ox * ox + oy * oy + z * z - radius * radius, near)
        if t < best and abs(oz + t * dz) >= half:
            best = t
    return best


@kernel
def _torus_distance(ring, tube, x, y, z):
    to_ring = np.sqrt(x * x + y * y) - ring
    return np.sqrt(to_ring * to_ring + z * z) - tube


@kernel
def _torus(ring, tube, ox, oy, oz, dx, dy, dz, near):
    """From outside only: sphere tracing, whose steps never pass the surface, to a micrometre."""
    reach = ring + tube
    half_b = ox * dx + oy * dy + oz * dz
    discriminant = half_b * half_b - (ox * ox + oy * oy + oz * oz - reach * reach)
    if discriminant <= 0.0:
        return MISS
    root = np.sqrt(discriminant)
    leave = -half_b + root
    # The flat slab that holds the torus shortens the way.
    enter_z, leave_z = _slab(oz, dz, tube)
    t = max(near, -half_b - root, enter_z)
    leave = min(leave, leave_z)
    for _ in range(200):
        if t >= leave:
            return MISS
        distance = _torus_distance(ring, tube, ox + t * dx, oy + t * dy, oz + t * dz)
        if distance < 1e-6:
            return t
        t += distance
    return MISS
