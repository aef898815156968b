"""Streams: what a file remembers is carried from step to step, apart for each stream."""

import itertools
import threading

import littoral
import numpy as np
import pytest
from onnx_writer import write as write_onnx
from remembering_files import counter, gathering, recurrent, summing

FORMATS = ["tflite", "onnx"]
STEPS = np.arange(10, dtype=np.float32).reshape(5, 2)
SUMS = np.cumsum(STEPS, axis=0)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("chunks", [[5], [1, 1, 1, 1, 1], [2, 3], [1, 4]])
def test_a_sequence_says_the_same_after_any_chunking(format, chunks):
    ends = np.cumsum([0, *chunks])
    with littoral.load(summing(format)) as model, model.stream() as stream:
        got = [stream.step(STEPS[a:b]) for a, b in itertools.pairwise(ends)]
    np.testing.assert_array_equal(np.concatenate(got), SUMS)


@pytest.mark.parametrize("format", FORMATS)
def test_one_step_comes_and_goes_without_batch_axis(format):
    with littoral.load(summing(format)) as model, model.stream() as stream:
        assert [(spec.name, spec.shape) for spec in stream.inputs] == [("x", (2,))]
        assert [(spec.name, spec.shape) for spec in stream.outputs] == [("y", (2,))]
        first = stream.step(STEPS[1])
        second = stream.step(STEPS[1].tolist())
        np.testing.assert_array_equal(first, STEPS[1])
        np.testing.assert_array_equal(second, 2 * STEPS[1])


@pytest.mark.parametrize("format", FORMATS)
def test_streams_of_one_model_do_not_disturb_each_other_nor_run(format):
    with littoral.load(summing(format)) as model:
        one, other = model.stream(), model.stream()
        for at, step in enumerate(STEPS):
            np.testing.assert_array_equal(one.step(step), SUMS[at])
            np.testing.assert_array_equal(other.step(-step), -SUMS[at])
            both = model.run({"x": step, "s": np.full(2, 100, np.float32)})
            np.testing.assert_array_equal(both["y"], step + 100)


@pytest.mark.parametrize("format", FORMATS)
def test_threads_may_stream_from_one_model(format):
    wrong = []

    def work(model, sign):
        stream = model.stream()
        for _ in range(50):
            stream.reset()
            if (stream.step(sign * STEPS) != sign * SUMS).any():
                wrong.append(sign)

    with littoral.load(summing(format)) as model:
        threads = [threading.Thread(target=work, args=(model, s)) for s in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.parametrize("file", [recurrent, counter])
def test_a_state_inside_is_kept_between_steps_and_forgotten_by_a_reset(file):
    with littoral.load(file()) as model:
        one, other = model.stream(), model.stream()
        step = np.ones(one.inputs[0].shape, np.float32)
        first = [one.step(step) for _ in range(3)]
        assert not np.array_equal(first[0], first[1]), "the state was not kept"
        np.testing.assert_array_equal(other.step(step), first[0])
        one.reset()
        np.testing.assert_array_equal([one.step(step) for _ in range(3)], first)
        np.testing.assert_array_equal(other.step(step), first[1])


def test_a_file_whose_own_reset_does_nothing_is_reset_all_the_same():
    """LiteRT's reset_all_variables leaves resource variables as they are."""
    from ai_edge_litert.interpreter import Interpreter

    raw = Interpreter(model_content=counter())
    raw.allocate_tensors()
    seen = []
    for _ in range(2):
        raw.reset_all_variables()
        raw.set_tensor(raw.get_input_details()[0]["index"], np.ones((1, 1), np.float32))
        raw.invoke()
        seen.append(raw.get_tensor(raw.get_output_details()[0]["index"]).item())
    assert seen == [1, 2], "the engine's reset works: this test needs another file"
    with littoral.load(counter()) as model, model.stream() as stream:
        runs = []
        for _ in range(2):
            stream.reset()
            runs.append(stream.step([[1.0], [1.0]]).tolist())
    assert runs == [[[1], [2]], [[1], [2]]]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "names", [("h", "h_out"), ("state", "stateN"), ("past_h", "present_h"), ("in_h", "out_h")]
)
def test_states_are_recognised_by_their_names(format, names):
    with littoral.load(summing(format, names)) as model, model.stream() as stream:
        np.testing.assert_array_equal(stream.step(STEPS), SUMS)


@pytest.mark.parametrize("format", FORMATS)
def test_states_can_be_named_and_begin_with_a_value(format):
    with littoral.load(summing(format, ("memory", "thought"))) as model:
        with pytest.raises(littoral.InputError, match=r"remembers nothing.*--streaming.*state="):
            model.stream()
        stream = model.stream(state={"memory": "thought"}, initial={"memory": [10, 20]})
        np.testing.assert_array_equal(stream.step(STEPS), SUMS + np.array([10, 20]))
        stream.reset()
        np.testing.assert_array_equal(stream.step(STEPS[1]), STEPS[1] + [10, 20])


def test_a_state_may_grow():
    with littoral.load(gathering()) as model, model.stream() as stream:
        np.testing.assert_array_equal(stream.step(STEPS), SUMS)
        stream.reset()
        np.testing.assert_array_equal(stream.step(STEPS[2]), STEPS[2])


@pytest.mark.parametrize(
    ("state", "initial", "complaint"),
    [
        ({"nothing": "y"}, None, "no input 'nothing': its inputs are x, s"),
        ({"s": "nothing"}, None, "no output 'nothing': its outputs are s_out, y"),
        ({"s": "s_out", "x": "s_out"}, None, "cannot become two inputs"),
        ({"s": "s_out"}, {"x": 0}, "'x' is no state: choose from s"),
        ({"s": "s_out"}, {"s": [1, 2, 3]}, r"'s' expects float32 of shape \[1, 2\]"),
        ({"s": "s_out"}, {"s": "zero"}, r"'s' expects float32"),
    ],
)
def test_what_is_wrong_with_a_state_is_said(state, initial, complaint):
    with (
        littoral.load(summing("onnx")) as model,
        pytest.raises(littoral.InputError, match=complaint),
    ):
        model.stream(state=state, initial=initial)


def test_a_state_of_another_shape_or_type_is_refused():
    content = write_onnx(
        [("x", "float32", [1, 2]), ("s", "float32", [1, 2])],
        [("s_out", "float32", [1, 4]), ("y", "int64", [1, 2])],
        [("Concat", ["x", "s"], ["s_out"], {"axis": 1}), ("Cast", ["s"], ["y"], {"to": 7})],
    )
    with littoral.load(content) as model:
        with pytest.raises(littoral.InputError, match=r"\[1, 4\]\) cannot become input 's'"):
            model.stream(state={"s": "s_out"})
        with pytest.raises(littoral.InputError, match=r"\(int64 \[1, 2\]\) cannot become"):
            model.stream(state={"s": "y"})


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("x", "complaint"),
    [
        (
            np.zeros(3),
            r"'x': expected one step \[2\] or several \[n, 2\], came float32 of shape \[3\]",
        ),
        (np.zeros((4, 3)), r"\[4, 3\]"),
        (np.zeros((1, 1, 1, 2)), r"\[1, 1, 1, 2\]"),
        (np.zeros((0, 2)), "at least 1"),
        ([1.0, np.nan], "NaN"),
        ([[1.0, 2.0], [3.0, np.inf]], "infinite"),
        ({"z": np.zeros(2)}, "unknown input 'z'"),
        ("text", "expected float32"),
    ],
)
def test_a_wrong_step_is_refused_and_leaves_the_state_alone(format, x, complaint):
    with littoral.load(summing(format)) as model, model.stream() as stream:
        stream.step(STEPS[1])
        with pytest.raises(littoral.InputError, match=complaint):
            stream.step(x)
        np.testing.assert_array_equal(stream.step(STEPS[2]), STEPS[1] + STEPS[2])


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_closed_says_so(format):
    model = littoral.load(summing(format))
    with model.stream() as stream:
        stream.step(STEPS[0])
    with pytest.raises(littoral.EngineError, match=r"stream of .* is closed"):
        stream.step(STEPS[0])
    with pytest.raises(littoral.EngineError, match="is closed"):
        stream.reset()
    stream.close()
    other = model.stream()
    other.step(STEPS[0])
    model.close()
    for call in (lambda: other.step(STEPS[0]), other.reset, model.stream):
        with pytest.raises(littoral.EngineError, match="is closed"):
            call()


def test_a_stream_in_a_process_of_its_own():
    with littoral.load(summing("tflite"), isolated=True) as model, model.stream() as stream:
        np.testing.assert_array_equal(stream.step(STEPS), SUMS)
    with littoral.load(counter(), isolated=True) as model, model.stream() as stream:
        for _ in range(2):
            stream.reset()
            assert stream.step([[1.0], [1.0]]).tolist() == [[1], [2]]


def test_an_input_that_is_the_same_at_each_step_comes_once():
    content = write_onnx(
        [("x", "float32", [1, 2]), ("factor", "float32", [1]), ("s", "float32", [1, 2])],
        [("s_out", "float32", [1, 2]), ("y", "float32", [1, 2])],
        [
            ("Mul", ["x", "factor"], ["scaled"], {}),
            ("Add", ["scaled", "s"], ["s_out"], {}),
            ("Identity", ["s_out"], ["y"], {}),
        ],
    )
    with littoral.load(content) as model, model.stream() as stream:
        np.testing.assert_array_equal(stream.step({"x": STEPS, "factor": 3.0}), 3 * SUMS)
        with pytest.raises(littoral.InputError, match="hold 2, 5 steps"):
            stream.step({"x": STEPS, "factor": [1.0, 2.0]})


def test_the_public_names_are_exported():
    assert littoral.Stream.__module__ == "littoral.stream"
