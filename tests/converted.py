"""Convert a Keras model and hold the file against Keras's own numbers, through the public API."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import littoral
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from littoral.clock import Plan, time_in_turn
from littoral.statistics import percentile
from littoral_converters import convert
from onnxruntime import InferenceSession


def randomize(model, seed=1, scale=0.4):
    """Give a fresh model weights that make its outputs differ; biases too."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.trainable:
            weight.assign(random.normal(scale=scale, size=weight.shape).astype("float32"))
    return model


def feeds(model, count, seed):
    """Random inputs by Keras name."""
    random = np.random.default_rng(seed)

    def draw(shape, dtype):
        if dtype == "bool":
            return random.integers(0, 2, shape).astype(bool)
        if "int" in dtype:
            return random.integers(0, 6, shape).astype(dtype)
        return random.normal(size=shape).astype(dtype)

    return {tensor.name: draw((count, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs}


def keras_outputs(model, data, in_graph=False):
    """Keras's outputs, flat, in Keras's order; in a graph where many steps would take long."""
    functional = getattr(model, "_functional", None) or model
    nest = keras.tree.map_structure(lambda tensor: data[tensor.name], functional._inputs_struct)
    call = tf.function(model, autograph=False) if in_graph else model
    results = call(nest, training=False)
    return [np.asarray(result) for result in keras.tree.flatten(results)]


def file_outputs(path, data):
    """A file's outputs through `littoral.load`, in the file's order."""
    with littoral.load(path) as model:
        results = model.run(data)
    return list(results.values()) if isinstance(results, dict) else [results]


def raw_outputs(path, data):
    """A file's outputs by name, from its own engine, for the data of its one input, x."""
    if path.suffix == ".tflite":
        return Interpreter(model_path=str(path)).get_signature_runner()(x=data)
    session = InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"x": data}), strict=True))


def worst_error(model, folder, format_name, scheme="float32", data=None, in_graph=False, **options):
    """Largest difference between a converted file and Keras, as a share of the output's range."""
    data = feeds(model, 4, seed=0) if data is None else data
    (variant,) = convert(
        model,
        folder,
        formats=(format_name,),
        schemes=(scheme,),
        representative_data=feeds(model, 64, seed=2),
        **options,
    )
    wanted, got = keras_outputs(model, data, in_graph), file_outputs(variant.path, data)
    assert [values.shape for values in got] == [values.shape for values in wanted]
    return max(
        float(np.abs(w - g).max() / (1e-6 + np.abs(w).max()))
        for w, g in zip(wanted, got, strict=True)
    )


def ratio(path, other, sessions=5):
    """How many times as long as one .tflite another takes in the raw engine, in turn.

    Each file is loaded `sessions` times, which take turns: one session in some ten is half as slow
    again for its whole life, by where its memory came to lie, and must not decide.
    """

    def loaded(model):
        interpreter = Interpreter(model_path=str(model), num_threads=1)
        interpreter.allocate_tensors()
        return interpreter.invoke

    files = [[loaded(each) for _ in range(sessions)] for each in (path, other)]
    rounds = time_in_turn(files, Plan(duration_ns=10**9))
    one, two = (percentile(np.concatenate(own), 0.5) for own in rounds)
    return two / one
