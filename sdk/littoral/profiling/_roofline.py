"""What one core of this machine can do at most: arithmetic and memory traffic, measured.

The roofline model (Williams, Waterman, Patterson, "Roofline", 2009): an operator can do no more
floating-point operations a second than the processor's peak, and no more than its operations a
byte times the memory's bandwidth. Both ceilings are measured with NumPy in a process of its own
whose BLAS may use one thread: a float32 matrix product, and the sum of an array that fits no cache.
The product is NumPy's BLAS, not the engine's own kernels, which may do better.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from littoral.errors import EngineError

_ONE_THREAD = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)
_TIMEOUT_S = 120

_PROGRAM = """
import json, time
import numpy as np

def best(work, seconds):
    end = time.perf_counter() + seconds
    fastest = float("inf")
    while time.perf_counter() < end or fastest == float("inf"):
        start = time.perf_counter()
        work()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest

size = 384
a, b = np.ones((size, size), np.float32), np.ones((size, size), np.float32)
out = np.empty_like(a)
flops = 2 * size**3 / best(lambda: np.dot(a, b, out=out), 0.4)
far = np.ones(16_000_000, np.float32)
memory = far.nbytes / best(lambda: far.sum(), 0.4)
print(json.dumps([flops / 1e9, memory / 1e9]))
"""


@dataclass(frozen=True)
class Roofline:
    """The two ceilings of one core.

    Attributes:
        gflops: Float32 operations, in 1e9 a second.
        gigabytes_per_s: Reading from memory beyond the caches, in 1e9 bytes a second.
    """

    gflops: float
    gigabytes_per_s: float

    def attainable_gflops(self, operations: int, moved_bytes: int) -> float:
        """The ceiling over an operator.

        Args:
            operations: Floating-point operations, two for each multiplication with an addition.
            moved_bytes: Read and written.
        """
        if not moved_bytes:
            return self.gflops
        return min(self.gflops, operations / moved_bytes * self.gigabytes_per_s)


def measured() -> Roofline:
    """Measure both ceilings, in about a second.

    Raises:
        EngineError: The process ended with an error.
    """
    environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EngineError(f"the roofline could not be measured: {last}")
    gflops, bandwidth = json.loads(done.stdout)
    return Roofline(round(gflops, 2), round(bandwidth, 2))
