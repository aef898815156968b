"""Recurrent layers, in every way of writing them, against Keras."""

import keras
import littoral
import numpy as np
import onnx
import pytest
from converted import feeds, randomize, worst_error
from keras import layers
from littoral_converters.lowering._recurrent_loops import chunk_of

STEPS, FEATURES = 7, 3


def recurrent(make, masked=False):
    inputs = keras.Input((STEPS, FEATURES), name="sequence")
    x = layers.Masking()(inputs) if masked else inputs
    return randomize(keras.Model(inputs, make()(x)))


def ragged():
    """Sequences with steps that do not count: at the end, in the middle, at the start, all."""
    x = np.random.default_rng(0).normal(size=(5, STEPS, FEATURES)).astype("float32")
    x[1, 4:] = 0
    x[2, 2:4] = 0
    x[3, :3] = 0
    x[4] = 0
    return {"sequence": x}


CELLS = {
    "lstm": lambda **kw: layers.LSTM(5, **kw),
    "gru": lambda **kw: layers.GRU(5, **kw),
    "gru_reset_before": lambda **kw: layers.GRU(5, reset_after=False, **kw),
    "simple": lambda **kw: layers.SimpleRNN(5, **kw),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("format_name", "lowering"),
    [("tflite", "unrolled"), ("tflite", "loop"), ("onnx", "fused"), ("onnx", "unrolled")],
)
def test_cells_agree_with_keras(cell, format_name, lowering, tmp_path):
    model = recurrent(lambda: CELLS[cell](return_sequences=True))
    assert worst_error(model, tmp_path, format_name, lowering=lowering) < 1e-5


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_any_mask_agrees_not_only_padding(cell, every, format_name, tmp_path):
    model = recurrent(lambda: CELLS[cell](return_sequences=every), masked=True)
    assert worst_error(model, tmp_path, format_name, data=ragged()) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_bidirectional_with_a_mask_agrees(every, merge, format_name, tmp_path):
    model = recurrent(
        lambda: layers.Bidirectional(layers.LSTM(4, return_sequences=every), merge_mode=merge),
        masked=True,
    )
    assert worst_error(model, tmp_path, format_name, data=ragged()) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("activation", ["relu", "hard_sigmoid", "softsign", "gelu", "elu"])
def test_other_activations_agree(activation, format_name, tmp_path):
    model = recurrent(lambda: layers.LSTM(4, activation=activation))
    assert worst_error(model, tmp_path, format_name) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_initial_state_and_returned_state_agree(format_name, tmp_path):
    sequence, state = keras.Input((STEPS, FEATURES), name="sequence"), keras.Input((5,), name="h")
    masked = layers.Masking()(sequence)
    outputs = layers.GRU(5, return_sequences=True, return_state=True)(masked, initial_state=state)
    model = randomize(keras.Model([sequence, state], outputs))
    data = {**ragged(), "h": feeds(model, 5, seed=4)["h"]}
    assert worst_error(model, tmp_path, format_name, data=data) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("scheme", ["float16", "dynamic_int8", "static_int8"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_scheme_stays_close(cell, scheme, format_name, tmp_path):
    model = recurrent(lambda: CELLS[cell](), masked=True)
    assert worst_error(model, tmp_path, format_name, scheme) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_long_sequences_do_not_grow_with_their_length(format_name, tmp_path):
    sizes = []
    for steps in (200, 400):
        inputs = keras.Input((steps, FEATURES))
        model = randomize(keras.Model(inputs, layers.LSTM(6)(inputs)))
        folder = tmp_path / str(steps)
        assert worst_error(model, folder, format_name) < 1e-4
        path = next(folder.iterdir())
        sizes.append(path.stat().st_size)
        way = "fused" if format_name == "onnx" else f"loop, {steps} steps by 20"
        with littoral.load(path) as file:
            assert way in file.card.lowering
    assert sizes[1] < 1.05 * sizes[0]


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "chunk"), [(65, 13), (67, 24), (96, 24)])
@pytest.mark.parametrize("every", [True, False])
def test_loops_over_chunks_agree_whatever_is_left_over(steps, chunk, every, tmp_path):
    assert chunk_of(steps) == chunk
    inputs = keras.Input((steps, FEATURES))
    masked = layers.Masking()(inputs)
    model = randomize(keras.Model(inputs, layers.GRU(6, return_sequences=every)(masked)))
    data = feeds(model, 2, seed=3)
    (values,) = data.values()
    values[0, 5:9] = 0
    values[1, steps - 4 :] = 0
    assert worst_error(model, tmp_path, "tflite", data=data) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "dynamic_int8"])
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
def test_both_directions_are_one_operator(cell, merge, scheme, tmp_path):
    def both(x):
        make = CELLS[cell](return_sequences=True, return_state=cell == "gru")
        return layers.Bidirectional(make, merge_mode=merge)(x)

    inputs = keras.Input((STEPS, FEATURES), name="sequence")
    model = randomize(keras.Model(inputs, both(inputs)))
    allowed = 1e-5 if scheme == "float32" else 0.1
    assert worst_error(model, tmp_path, "onnx", scheme) < allowed
    (path,) = tmp_path.iterdir()
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert sum(kind in ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM") for kind in kinds) == 1


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_gates_that_look_at_each_other_are_left_to_keras(format_name, tmp_path):
    model = recurrent(lambda: layers.LSTM(4, recurrent_activation="softmax"))
    assert worst_error(model, tmp_path, format_name) < 1e-5
