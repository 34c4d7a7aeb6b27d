"""Kernels on several threads.

Numba's own ``prange`` costs about two seconds of compilation a kernel and its default pool may not be entered from two
Python threads at once. A kernel here is compiled once, without the interpreter's lock, and claims one job after the
other from a queue that it gets as its first argument; what it computes must not depend on who claims what. A thread that
comes late, because the processor was busy, finds less to do, and nobody waits for one that has not begun.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Helper:
    """A thread that waits for kernels."""

    pool: ThreadPoolExecutor
    native_id: int

    def start(self, kernel: Callable[..., None], *arguments: Any) -> Future[None]:
        """Run the kernel as soon as a processor other than the caller's lets it."""
        if _current_processor is not None:
            others = os.sched_getaffinity(0) - {_current_processor()}
            if others:
                # Some schedulers wake a thread where its waker runs, and leave it behind the waker for milliseconds,
                # longer than most kernels take. Where it is not allowed, the thread may run anywhere.
                with suppress(OSError):
                    os.sched_setaffinity(self.native_id, others)
        return self.pool.submit(kernel, *arguments)


# Linux has both calls; elsewhere the scheduler decides alone.
_current_processor = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None


@cache
def _helper(number: int) -> _Helper:
    pool = ThreadPoolExecutor(1, thread_name_prefix=f"rasteriser-{number}")
    return _Helper(pool, pool.submit(threading.get_native_id).result())


if hasattr(os, "register_at_fork"):
    # A forked process has none of its parent's threads.
    os.register_at_fork(after_in_child=_helper.cache_clear)


def in_threads(kernel: Callable[..., None], *arguments: Any) -> None:
    """Run ``kernel(queue, *arguments)`` on as many threads as Numba is set to, until its jobs are done."""
    queue = np.zeros(1, np.int64)
    started = [_helper(number).start(kernel, queue, *arguments) for number in range(1, numba.get_num_threads())]
    try:
        kernel(queue, *arguments)
    finally:
        for helping in started:
            if not helping.cancel():
                helping.result()
