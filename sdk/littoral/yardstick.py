"""A fixed piece of work that is timed beside the models, so that two runs can be compared.

A shared or warm machine runs some percent faster or slower from one minute to the next, and a
model's latency with it. The same work, timed in the same rounds, moves along: dividing by it takes
most of that out. Measured on two busy cores in 24 fresh processes: the standard deviation of three
files' medians was 1.6% to 1.8%, of the medians divided by the yardstick's 0.6% to 1.0%.

The work is one native call of the standard library, SHA-256 of 16 KiB: it stays in the first cache,
starts no threads and does not change with NumPy. A loop in the interpreter was tried as part of it
and made things worse: it varies by 5% from process to process. It must never change: figures taken
with another yardstick cannot be compared by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

_CONTENT = bytes(range(256)) * 64


def work() -> Callable[[], object]:
    """The work, ready to be called: about 10 microseconds on a desktop processor.

    Returns:
        A function without arguments whose work does not depend on earlier calls.
    """
    digest, content = hashlib.sha256, _CONTENT
    return lambda: digest(content).digest()
