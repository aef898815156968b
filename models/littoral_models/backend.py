"""What Keras runs on: starting it quietly, its accelerators, precision and distribution."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from littoral.engines._native import as_if_absent, quiet_stderr


def start() -> ModuleType:
    """Import Keras without its backend's announcements on stderr.

    TensorFlow writes them through C++ before any of its switches works, so the descriptor is
    closed for the length of the import. ``KERAS_BACKEND`` is honoured, as ever.

    Returns:
        The module `keras`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Keras imports sklearn for wrappers that nothing here uses: a second.
    with as_if_absent("sklearn"), quiet_stderr():
        accelerators()
    return sys.modules["keras"]


def accelerators() -> list[str]:
    """The accelerators that Keras sees, for example ``["gpu:0"]``; empty on a CPU."""
    import keras

    if keras.backend.backend() == "torch":
        return _accelerators_of_torch()
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


@contextlib.contextmanager
def accelerated() -> Iterator[None]:
    """Mixed precision on an accelerator and data parallelism on several, for models built inside.

    GPUs take float16 with scaled losses, TPUs bfloat16. On a CPU nothing changes: half precision
    is slower there. Under PyTorch Keras distributes nothing, and one GPU does the work.
    """
    import keras

    devices = accelerators()
    if not devices:
        yield
        return
    policy = keras.config.dtype_policy()
    distribution = keras.distribution.distribution()
    half = "mixed_bfloat16" if devices[0].startswith("tpu") else "mixed_float16"
    try:
        keras.config.set_dtype_policy(half)
        if len(devices) > 1:
            keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        keras.distribution.set_distribution(distribution)


def _accelerators_of_torch() -> list[str]:
    """The device that Keras computes on under PyTorch, of whose devices Keras has no list."""
    import keras

    device = str(keras.ops.zeros(()).device)
    if device.startswith(("cpu", "meta")):
        return []
    return ["gpu:0" if device.startswith(("cuda", "mps")) else device]
