"""Recurrent layers, in every way of writing them, against Keras."""

import keras
import littoral
import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import feeds, randomize, worst_error
from keras import layers
from littoral.clock import Plan, time_in_turn
from littoral.statistics import percentile
from littoral_converters import convert
from littoral_converters.lowering._recurrent_loops import chunk_of

STEPS, FEATURES = 7, 3


def recurrent_model(make, masked=False):
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
    model = recurrent_model(lambda: CELLS[cell](return_sequences=True))
    assert worst_error(model, tmp_path, format_name, lowering=lowering) < 1e-5


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_any_mask_agrees_not_only_padding(cell, every, format_name, tmp_path):
    model = recurrent_model(lambda: CELLS[cell](return_sequences=every), masked=True)
    assert worst_error(model, tmp_path, format_name, data=ragged()) < 1e-5


@pytest.mark.parametrize("lowering", ["unrolled", "loop"])
@pytest.mark.parametrize("cell", CELLS)
def test_what_a_mask_skips_may_hold_anything(cell, lowering, tmp_path):
    sequence = keras.Input((STEPS, FEATURES), name="sequence")
    mask = keras.Input((STEPS,), dtype="bool", name="mask")
    x = CELLS[cell](return_sequences=True)(sequence, mask=mask)
    model = randomize(keras.Model([sequence, mask], [x, CELLS[cell]()(x, mask=mask)]))
    random = np.random.default_rng(0)
    data = {
        "sequence": random.normal(size=(6, STEPS, FEATURES)).astype("float32"),
        "mask": random.random((6, STEPS)) < 0.5,
    }
    data["sequence"][~data["mask"]] *= 1e6
    assert worst_error(model, tmp_path, "tflite", data=data, lowering=lowering) < 1e-6


@pytest.mark.parametrize(
    ("activation", "recurrent"),
    [
        ("relu", "sigmoid"),
        ("softsign", "hard_sigmoid"),
        ("tanh", "tanh"),
        ("elu", "hard_sigmoid"),
    ],
)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_mask_goes_with_any_activation(cell, activation, recurrent, tmp_path):
    def make():
        return CELLS[cell](activation=activation, recurrent_activation=recurrent)

    model = recurrent_model(make, masked=True)
    assert worst_error(model, tmp_path, "tflite", data=ragged()) < 1e-5


def test_a_mask_chooses_nothing_in_any_step(tmp_path):
    model = recurrent_model(lambda: CELLS["lstm"](), masked=True)
    (one,) = convert(model, tmp_path, formats=("tflite",), schemes=("float32",))
    interpreter = Interpreter(model_path=str(one.path))
    kinds = [operator["op_name"] for operator in interpreter._get_ops_details()]
    assert kinds.count("SELECT_V2") == 1, kinds  # of the layer Masking itself


@pytest.mark.slow
def test_a_file_all_of_integers_chooses_whatever_it_is_made_together_with(tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((STEPS, FEATURES), name="sequence")
    model = keras.Model(inputs, layers.LSTM(5)(layers.Masking()(inputs)))
    kinds = {}
    for one in convert(
        model,
        tmp_path,
        formats=("tflite",),
        schemes=("dynamic_int8", "int16x8"),
        representative_data=ragged()["sequence"],
    ):
        interpreter = Interpreter(model_path=str(one.path))
        kinds[one.scheme] = [operator["op_name"] for operator in interpreter._get_ops_details()]
    assert kinds["dynamic_int8"].count("SELECT_V2") == 1
    assert kinds["int16x8"].count("SELECT_V2") > STEPS


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
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("activation", ["relu", "hard_sigmoid", "softsign", "gelu", "elu"])
def test_other_activations_agree(activation, format_name, tmp_path):
    model = recurrent_model(lambda: layers.LSTM(4, activation=activation))
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
    model = recurrent_model(lambda: CELLS[cell](), masked=True)
    assert worst_error(model, tmp_path, format_name, scheme) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_files_grow_with_the_root_of_the_sequence_at_most(format_name, tmp_path):
    sizes = []
    for steps, chunk in ((200, 10), (800, 20)):
        inputs = keras.Input((steps, FEATURES))
        model = randomize(keras.Model(inputs, layers.LSTM(6)(inputs)))
        folder = tmp_path / str(steps)
        assert worst_error(model, folder, format_name) < 1e-4
        path = next(folder.iterdir())
        sizes.append(path.stat().st_size)
        way = "fused" if format_name == "onnx" else f"loop, {steps} steps by {chunk}"
        with littoral.load(path) as file:
            assert way in file.card.lowering
    assert sizes[1] < 2 * sizes[0]


@pytest.mark.parametrize(
    ("steps", "step_bytes", "chunk"),
    [
        (28, 2**14, 4),
        (100, 2**14, 5),
        (500, 2**14, 20),
        (500, 2**18, 4),
        (500, 2**22, 1),
        (2, 1, 1),
        (None, 1, 1),
    ],
)
def test_a_turn_holds_what_the_copies_of_its_weights_leave_room_for(steps, step_bytes, chunk):
    assert chunk_of(steps, step_bytes) == chunk


WIDE = {"lstm": layers.LSTM, "gru": layers.GRU}


@pytest.mark.slow
@pytest.mark.parametrize("cell", WIDE)
def test_what_outgrows_the_cache_loops_in_float_and_is_written_out_in_int8(cell, tmp_path):
    keras.utils.set_random_seed(1)  # Keras's own weights: with larger ones int8 ends in chaos
    inputs = keras.Input((28, FEATURES), name="sequence")
    x = WIDE[cell](72, return_sequences=True, name="first")(layers.Masking()(inputs))
    x = layers.Bidirectional(WIDE[cell](72, return_state=True), name="both")(x)
    model = keras.Model(inputs, x)
    data = feeds(model, 4, seed=3)
    data["sequence"][1, 20:] = 0
    data["sequence"][2, :5] = 0
    for scheme, way, allowed in (
        ("float32", "loop, 28 steps by 4", 1e-4),
        ("float16", "loop, 28 steps by 4", 2e-2),
        ("dynamic_int8", "unrolled, 28 steps", 0.1),
        ("static_int8", "unrolled, 28 steps", 0.1),
    ):
        folder = tmp_path / scheme
        assert worst_error(model, folder, "tflite", scheme, data=data) < allowed, scheme
        with littoral.load(next(folder.iterdir())) as file:
            assert file.card.lowering.count(way) == 3, file.card.lowering


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("steps", [28, 200])
def test_short_turns_beat_the_copies_of_wide_weights(steps, tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((steps, FEATURES), name="sequence")
    model = keras.Model(inputs, layers.LSTM(128)(inputs))
    calls = []
    for lowering in ("auto", "unrolled"):
        (one,) = convert(
            model,
            tmp_path / lowering,
            formats=("tflite",),
            schemes=("float32",),
            lowering=lowering,
        )
        interpreter = Interpreter(model_path=str(one.path), num_threads=1)
        interpreter.allocate_tensors()
        calls.append(interpreter.invoke)
    rounds = time_in_turn(calls, Plan(duration_ns=10**9))
    short, written_out = (percentile(np.concatenate(own), 0.5) for own in rounds)
    assert written_out > 1.5 * short


@pytest.mark.slow
def test_a_scheme_that_goes_into_no_loop_gets_every_step_written_out(tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((28, FEATURES), name="sequence")
    model = keras.Model(inputs, layers.LSTM(200)(inputs))
    data = feeds(model, 4, seed=3)["sequence"]
    ways = {}
    for one in convert(
        model,
        tmp_path,
        formats=("tflite",),
        schemes=("dynamic_int8", "int16x8"),
        representative_data=data,
    ):
        with littoral.load(one.path) as file:
            ways[one.scheme] = file.card.lowering.partition(": ")[2]
    assert ways == {"dynamic_int8": "loop, 28 steps by 4", "int16x8": "unrolled, 28 steps"}


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "chunk"), [(65, 5), (67, 6), (96, 6)])
@pytest.mark.parametrize("every", [True, False])
def test_loops_over_chunks_agree_whatever_is_left_over(steps, chunk, every, tmp_path):
    assert chunk_of(steps, step_bytes=3 * 6 * 6 * 4) == chunk
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
    model = recurrent_model(lambda: layers.LSTM(4, recurrent_activation="softmax"))
    assert worst_error(model, tmp_path, format_name) < 1e-5
