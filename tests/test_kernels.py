"""After `compile_kernels`, a run compiles nothing."""

from __future__ import annotations

import os
import subprocess
import sys

PROBE = """
import numba.core.event as event
from benchmark.kernels import JOBS

class Count(event.Listener):
    compiled = []
    def on_start(self, happened):
        self.compiled.append(happened.data["dispatcher"].py_func.__qualname__)
    def on_end(self, happened):
        pass

event.register("numba:compile", Count())
for job in JOBS.values():
    job()
print(len(Count.compiled), *Count.compiled[:5])
"""


def test_a_second_process_finds_every_kernel_in_the_cache():
    def run() -> str:
        settings = {**os.environ, "PYTHONSAFEPATH": "1"}
        done = subprocess.run([sys.executable, "-c", PROBE], env=settings, capture_output=True, text=True, check=True)
        return done.stdout

    run()
    assert run().split()[0] == "0"
