"""Functions that do what native converters do at their worst; called in the worker process."""

import ctypes
import os
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from littoral.errors import InputError

KEPT = []


def abort():
    os.abort()


def segfault():
    ctypes.string_at(0)


def double(value):
    return 2 * value


def refuse():
    raise InputError("input image is blue")


def fail():
    return 1 / 0


def process_id():
    return os.getpid()


def chatter():
    os.write(1, b"Created XNNPACK delegate\n")
    print("hello")
    return "done"


def doze(path):
    """Say whose process this is, and be busy for longer than any test waits."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def leak(count):
    KEPT.append(np.ones(count, np.uint8))
    pages = Path("/proc/self/statm").read_text().split()[1]
    return os.getpid(), int(pages) * os.sysconf("SC_PAGE_SIZE")


def imported():
    return {"tensorflow", "jax", "sklearn"} & sys.modules.keys()


def import_for_a_layer():
    import jax
    import sklearn.base

    assert jax.numpy.zeros(2).shape == (2,)
    assert sklearn.base.BaseEstimator


@keras.saving.register_keras_serializable("native_crashes")
class Fragile(keras.layers.Layer):
    """Kills its process when it runs, as some of Keras's own do at some sizes; tracing is fine."""

    def call(self, x):
        if tf.executing_eagerly():
            os.abort()
        return x


@keras.saving.register_keras_serializable("native_crashes")
class Forgetful(keras.layers.Layer):
    """Loses what it adds when it is saved."""

    def __init__(self, by=0.0, **settings):
        super().__init__(**settings)
        self.by = by

    def call(self, x):
        return x + self.by
