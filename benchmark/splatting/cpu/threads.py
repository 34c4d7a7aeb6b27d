"""Kernels on several threads.

Numba's own ``prange`` costs about two seconds of compilation a kernel and its default pool may not be entered from two
Python threads at once. A kernel here is compiled once, without the interpreter's lock, and claims one job after the
other from a queue that it gets as its first argument; what it computes must not depend on who claims what. A thread that
comes late, because the processor was busy, finds less to do, and nobody waits for one that has not begun.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def claim(typingctx, queue):
    """Number of the next job that nobody has taken yet, from 0 on; as many are given out as are asked for."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", data, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(queue), codegen


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="rasteriser")


def in_threads(kernel: Callable[..., None], *arguments: Any) -> None:
    """Run ``kernel(queue, *arguments)`` on as many threads as Numba is set to, until its jobs are done."""
    workers, queue = numba.get_num_threads(), np.zeros(1, np.int64)
    others = [_pool(workers - 1).submit(kernel, queue, *arguments) for _ in range(workers - 1)]
    try:
        kernel(queue, *arguments)
    finally:
        for other in others:
            if not other.cancel():
                other.result()
