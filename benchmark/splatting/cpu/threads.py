"""Kernels on several threads.

Numba's own ``prange`` costs about two seconds of compilation a kernel and its default pool may not be entered from two
Python threads at once. A kernel here is compiled once, without the interpreter's lock, and takes its number and the
number of workers as its first arguments; what it computes must not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="rasteriser")


def in_threads(kernel: Callable[..., None], *arguments: Any) -> None:
    """Run ``kernel(worker, workers, *arguments)`` on as many threads as Numba is set to, and wait for all."""
    workers = numba.get_num_threads()
    if workers == 1:
        kernel(0, 1, *arguments)
        return
    others = [_pool(workers - 1).submit(kernel, worker, workers, *arguments) for worker in range(1, workers)]
    try:
        kernel(0, workers, *arguments)
    finally:
        for other in others:
            other.result()
