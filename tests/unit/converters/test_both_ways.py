"""Bidirectional layers: one operator in ONNX, one step for both directions in TFLite."""

import keras
import littoral
import numpy as np
import onnx
import pytest
from converted import feeds, randomize, ratio, worst_error
from keras import layers
from littoral_converters import convert
from recurrences import CELLS, FEATURES, STEPS, ragged, recurrent_model


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_bidirectional_with_a_mask_agrees(every, merge, format_name, tmp_path):
    model = recurrent_model(
        lambda: layers.Bidirectional(layers.LSTM(4, return_sequences=every), merge_mode=merge),
        masked=True,
    )
    assert worst_error(model, tmp_path, format_name, data=ragged()) < 1e-5


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


def both_ways(cell, masked, **options):
    """A Bidirectional whose backward layer is of another size, with states given and returned."""
    sequence = keras.Input((STEPS, FEATURES), name="sequence")
    mask = keras.Input((STEPS,), dtype="bool", name="mask")
    sizes = [4, 4, 6, 6] if cell == "lstm" else [4, 6]
    states = [keras.Input((n,), name=f"state_{i}") for i, n in enumerate(sizes)]
    own = {"return_sequences": True, "return_state": True, **options}
    make = {"lstm": layers.LSTM, "simple": layers.SimpleRNN}.get(cell, layers.GRU)
    if cell == "gru_reset_before":
        own["reset_after"] = False
    layer = layers.Bidirectional(
        make(4, **own), backward_layer=make(6, go_backwards=True, **own), name="both"
    )
    outputs = layer(sequence, initial_state=states, mask=mask if masked else None)
    inputs = [sequence, *([mask] if masked else []), *states]
    return randomize(keras.Model(inputs, outputs))


@pytest.mark.slow
@pytest.mark.parametrize("lowering", ["unrolled", "loop"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_both_directions_share_a_step_whatever_they_are(cell, masked, lowering, tmp_path):
    model = both_ways(cell, masked)
    data = feeds(model, 5, seed=6)
    if masked:
        data["mask"] = np.random.default_rng(1).random((5, STEPS)) < 0.6
    assert worst_error(model, tmp_path, "tflite", data=data, lowering=lowering) < 1e-5
    with littoral.load(next(tmp_path.iterdir())) as file:
        assert "both: both ways in one step" in file.card.lowering, file.card.lowering


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"zero_output_for_mask": True}, {"recurrent_activation": "tanh"}]
)
def test_shared_steps_take_masks_as_each_direction_would(options, tmp_path):
    model = both_ways("lstm", True, **options)
    data = feeds(model, 5, seed=6)
    data["mask"] = np.random.default_rng(1).random((5, STEPS)) < 0.6
    assert worst_error(model, tmp_path, "tflite", data=data) < 1e-5


@pytest.mark.slow
def test_directions_that_compute_differently_keep_steps_of_their_own(tmp_path):
    inputs = keras.Input((STEPS, FEATURES), name="sequence")
    backward = layers.LSTM(4, activation="relu", go_backwards=True)
    layer = layers.Bidirectional(layers.LSTM(4), backward_layer=backward, name="both")
    model = randomize(keras.Model(inputs, layer(inputs)))
    assert worst_error(model, tmp_path, "tflite") < 1e-5
    with littoral.load(next(tmp_path.iterdir())) as file:
        assert "in one step" not in file.card.lowering


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("make", [layers.LSTM, layers.GRU])
def test_a_step_for_both_directions_beats_one_for_each(make, tmp_path):
    inputs = keras.Input((STEPS * 4, FEATURES), name="sequence")
    shared = layers.Bidirectional(make(16))(inputs)
    apart = layers.concatenate([make(16)(inputs), make(16, go_backwards=True)(inputs)])
    paths = []
    for name, outputs in (("shared", shared), ("apart", apart)):
        model = randomize(keras.Model(inputs, outputs))
        (one,) = convert(model, tmp_path / name, formats=("tflite",), schemes=("dynamic_int8",))
        paths.append(one.path)
    assert ratio(*paths) > 1.15
