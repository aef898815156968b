"""What a conversion takes of the memory: refused where it is not there, and measured."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from littoral import ConversionError
from littoral_converters import capacity


def test_weights_beyond_what_the_formats_hold_are_refused():
    weight = SimpleNamespace(shape=(30_000, 20_000), dtype="float32")
    capacity.check_weights(SimpleNamespace(name="net", weights=[weight] * 0))
    with pytest.raises(ConversionError, match=r"'net' has 2.4 GB of weights.*2.1 GB"):
        capacity.check_weights(SimpleNamespace(name="net", weights=[weight]))


def test_a_model_that_the_memory_does_not_hold_is_refused_before_it_is_written(monkeypatch):
    monkeypatch.setattr(capacity, "free_bytes", lambda: 3_000_000_000)
    words = "writing net as onnx would take about 4 GB of memory for its 700 MB, and 3 GB are free"
    with pytest.raises(ConversionError, match=f"{words}.*on a larger machine"):
        capacity.check_memory("onnx", 700_000_000, "net as onnx")
    capacity.check_memory("onnx", 60_000_000, "small")
    capacity.check_memory("tflite", 250_000_000, "net as tflite")
    weight = SimpleNamespace(shape=(20_000, 10_000), dtype="float32")
    with pytest.raises(ConversionError, match=r"tracing net would take about 6 GB .* 800 MB"):
        capacity.check_weights(SimpleNamespace(name="net", weights=[weight]))
    monkeypatch.setattr(capacity, "free_bytes", lambda: None)
    capacity.check_memory("onnx", 700_000_000, "net as onnx")


TAKING = """
import ctypes, gc, sys
from pathlib import Path
import keras
from littoral_converters import capacity
from littoral_converters.formats import onnx, tflite
from littoral_converters.isolation import memory
from littoral_converters.lowering import Plan
from littoral_converters.signature import signature_of
from littoral_converters.trace import trace

def bytes_of(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024

def taken(function, *arguments):
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = bytes_of("VmRSS")
    result = function(*arguments)
    return result, bytes_of("VmHWM") - before

def model_of(size):
    inputs = keras.Input((size,))
    outputs = keras.layers.Dense(size)(keras.layers.Dense(size, "relu")(inputs))
    return keras.Model(inputs, outputs)

name = sys.argv[1]
# What TensorFlow and tf2onnx import and set up once is not the model's.
small = model_of(4)
memory.give_back()
{"onnx": onnx, "tflite": tflite}[name].write(trace(small, signature_of(small), Plan(name)))
model = model_of(2500)
graph, traced = taken(trace, model, signature_of(model), Plan(name))
# Else the writing is done in memory that the tracing left behind, which then is not seen.
del model
keras.backend.clear_session()
_, written = taken({"onnx": onnx, "tflite": tflite}[name].write, graph)
size = len(graph.graph_def)
print(traced / size / capacity.TRACED_PER_WEIGHT, written / size / capacity.MEMORY_PER_WEIGHT[name])
"""


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_conversion_takes_about_the_memory_that_is_asked_for(format_name):
    done = subprocess.run(
        [sys.executable, "-c", TAKING, format_name], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    traced, written = map(float, done.stdout.split())
    assert 0.4 < traced < 1.2
    assert 0.4 < written < 1.2


def test_free_memory_is_that_of_the_system():
    free = capacity.free_bytes()
    assert free is not None
    assert 0 < free < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
