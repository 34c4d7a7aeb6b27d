"""`in_threads`: every job is done once, whoever calls from where."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from numba import njit

from benchmark.splatting.cpu.threads import claim, in_threads

JOBS = 5000


@njit(nogil=True)
def count_jobs(queue, done):
    job = claim(queue)
    while job < done.shape[0]:
        done[job] += 1
        job = claim(queue)


def every_job_once() -> bool:
    done = np.zeros(JOBS, np.int64)
    in_threads(count_jobs, done)
    return bool((done == 1).all())


@pytest.fixture(params=[1, 2])
def threads(request):
    most = numba.get_num_threads()
    if request.param > numba.config.NUMBA_NUM_THREADS:
        pytest.skip(f"Numba has {numba.config.NUMBA_NUM_THREADS} thread")
    numba.set_num_threads(request.param)
    yield request.param
    numba.set_num_threads(most)


def test_every_job_is_done_once(threads):
    assert all(every_job_once() for _ in range(200))


def test_callers_on_several_threads_do_not_meet(threads):
    with ThreadPoolExecutor(4) as callers:
        assert all(callers.map(lambda _: every_job_once(), range(200)))


def test_an_error_in_a_kernel_reaches_the_caller(threads):
    def broken(queue):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        in_threads(broken)
    assert every_job_once()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_does_without_its_parents_threads(threads):
    assert every_job_once()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(every_job_once).get(timeout=60)
