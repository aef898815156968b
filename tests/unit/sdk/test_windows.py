"""Windows over data that goes on: each is what the model says of that piece, made once."""

import littoral
import numpy as np
import pytest
from littoral import integrity, preprocess
from littoral.card import Card, CardTensor
from littoral.incremental import Rows
from onnx_writer import write

FRAMES, COEFFICIENTS = 5, 13
SPECTRUM = {
    "sample_rate": 8000,
    "frame_length": 200,
    "frame_step": 80,
    "fft_length": 256,
    "mel_bins": 20,
    "frames": FRAMES,
}
MFCC = {"step": "mfcc", "coefficients": COEFFICIENTS, **SPECTRUM}


def doubling(shape, steps=(), outputs=1):
    """y = 2 x, and minus = -x where two outputs are wanted, with a card of these steps."""
    tensor = CardTensor("x", tuple(shape), preprocessing=tuple(steps))
    card = Card("doubling", inputs=(tensor,))
    pairs = [("y", "Add", ["x", "x"]), ("minus", "Neg", ["x"])][:outputs]
    return integrity.seal(
        write(
            [("x", "float32", shape)],
            [(name, "float32", shape) for name, _, _ in pairs],
            [(kind, inputs, [name], {}) for name, kind, inputs in pairs],
            metadata={"littoral_card": card.to_json()},
        )
    )


def pieces(values, sizes=(1, 7, 3, 500, 250)):
    begin, at = 0, 0
    while begin < len(values):
        yield values[begin : begin + sizes[at % len(sizes)]]
        begin += sizes[at % len(sizes)]
        at += 1


def signal(samples=4000):
    random = np.random.default_rng(0)
    return random.normal(size=samples) * np.linspace(0.05, 0.5, samples)


@pytest.mark.parametrize(("window", "hop"), [(4, 1), (4, 4), (4, 3), (4, 9)])
@pytest.mark.parametrize("size", [1, 2, 5, 20])
def test_windows_are_pieces_of_the_rows_however_they_come(window, hop, size):
    rows = np.arange(40, dtype=np.float32).reshape(20, 2)
    wanted = [2 * rows[at : at + window] for at in range(0, 20 - window + 1, hop)]
    with (
        littoral.load(doubling([1, window, 2])) as model,
        model.stream(hop=hop) as windows,
    ):
        got = [windows.step(rows[at : at + size]) for at in range(0, 20, size)]
        assert windows.count == len(wanted)
    np.testing.assert_array_equal(np.concatenate(got), wanted)


def test_one_row_at_a_time_and_no_result_yet():
    with littoral.load(doubling([1, 2, 3], outputs=2)) as model:
        windows = model.stream(hop=1)
        nothing = windows.step(np.zeros(3))
        assert {name: array.shape for name, array in nothing.items()} == {
            "y": (0, 2, 3),
            "minus": (0, 2, 3),
        }
        results = windows.step(np.ones(3))
        np.testing.assert_array_equal(results["minus"][0], [[0, 0, 0], [-1, -1, -1]])


@pytest.mark.parametrize("step", ["mfcc", "log_mel"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "reflect"},
        {"padding": "none"},
        {"reference": "max", "range_db": None},
        {"log": "ln", "frame_length": 201},
    ],
)
def test_a_signal_in_pieces_becomes_the_rows_of_the_whole(step, options):
    settings = {**MFCC, **options, "step": step, "frames": None}
    if step == "log_mel":
        del settings["coefficients"]
    wanted = preprocess.apply([settings], signal())
    rows = Rows([settings])
    got = [rows.push(piece) for piece in pieces(signal())]
    got = rows.whole(np.concatenate([*got, rows.end()]))
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("layout", ["frames_first", "frames_last"])
def test_windows_over_a_signal_are_those_of_its_whole_preprocessing(layout):
    step = {**MFCC, "layout": layout}
    shape = [FRAMES, COEFFICIENTS] if layout == "frames_first" else [COEFFICIENTS, FRAMES]
    whole = preprocess.apply([{**MFCC, "frames": None}], signal())
    content = doubling([1, *shape, 1], [step])
    with littoral.load(content) as model, model.stream(hop=2) as windows:
        got = [windows.feed(piece) for piece in pieces(signal())] + [windows.finish()]
        assert windows.seconds == 0.01
    got = np.concatenate(got)[..., 0]
    wanted = [2 * whole[at : at + FRAMES] for at in range(0, len(whole) - FRAMES + 1, 2)]
    assert len(got) == len(wanted) > 20
    wanted = wanted if layout == "frames_first" else [rows.T for rows in wanted]
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_each_frame_is_computed_once(monkeypatch):
    from littoral.steps import _spectrum

    counted = []
    original = _spectrum.mel_of_frames
    monkeypatch.setattr(
        _spectrum,
        "mel_of_frames",
        lambda settings, frames: counted.append(len(frames)) or original(settings, frames),
    )
    content = doubling([1, FRAMES, COEFFICIENTS], [MFCC])
    with littoral.load(content) as model, model.stream(hop=1) as windows:
        for piece in pieces(signal()):
            windows.feed(piece)
        windows.finish()
        assert windows.count == 1 + 4000 // 80 - FRAMES + 1
    assert sum(counted) == 1 + 4000 // 80


def test_steps_behind_the_spectrum_are_applied_too():
    scale = {"step": "standardize", "mean": [1.0], "std": [2.0]}
    whole = preprocess.apply([{**MFCC, "frames": None}, scale], signal())
    content = doubling([1, FRAMES, COEFFICIENTS], [MFCC, scale])
    with littoral.load(content) as model, model.stream(hop=FRAMES) as windows:
        got = windows.feed(signal())
    np.testing.assert_allclose(got[0], 2 * whole[:FRAMES], atol=1e-5)


def test_samples_themselves_may_be_the_rows():
    step = {"step": "audio", "sample_rate": 8000, "length": 400}
    with littoral.load(doubling([1, 400], [step])) as model, model.stream(hop=100) as windows:
        got = np.concatenate([windows.feed(piece) for piece in pieces(signal(1000))])
    wanted = [2 * signal(1000)[at : at + 400] for at in range(0, 601, 100)]
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_rows_of_a_table_go_through_the_steps_of_the_card():
    step = {"step": "tabular", "columns": ["a", "b"], "mean": {"a": 1}, "std": {"b": 2}}
    with littoral.load(doubling([1, 2, 2], [step])) as model, model.stream(hop=1) as windows:
        assert len(windows.feed({"b": "4", "a": "2"})) == 0
        got = windows.feed("3, 8")
        more = windows.feed([{"a": 1, "b": 2}, [5, 6]])
    np.testing.assert_array_equal(got, [[[2, 4], [4, 8]]])
    np.testing.assert_array_equal(more, [[[4, 8], [0, 2]], [[0, 2], [8, 6]]])


def test_smoothed_results_are_means_of_the_latest():
    rows = np.arange(6, dtype=np.float32).reshape(6, 1)
    with littoral.load(doubling([1, 1, 1])) as model:
        got = model.stream(hop=1, smooth=3).step(rows)
    np.testing.assert_allclose(got.ravel(), 2 * np.array([0, 0.5, 1, 2, 3, 4]))


def test_a_reset_begins_a_new_signal():
    content = doubling([1, FRAMES, COEFFICIENTS], [MFCC])
    with littoral.load(content) as model, model.stream(hop=1) as windows:
        first = windows.feed(signal())
        windows.reset()
        assert windows.count == 0
        np.testing.assert_array_equal(windows.feed(signal()), first)


def test_an_open_length_takes_the_window_that_is_asked_for():
    rows = np.ones((6, 2), np.float32)
    with littoral.load(doubling([1, None, 2])) as model:
        assert model.stream(window=3, hop=3).step(rows).shape == (2, 3, 2)
        with pytest.raises(littoral.InputError, match="say how long: window="):
            model.stream(hop=1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"window": 3}, "window is 3, and input 'x' takes 2"),
        ({"hop": 0}, "hop is 0"),
        ({"hop": 1.5}, r"hop is 1\.5"),
        ({"hop": 1, "smooth": 0}, "smooth is 0"),
        ({}, r"remembers nothing.*stream\(hop=N\)"),
    ],
)
def test_wrong_windows_are_refused(arguments, complaint):
    with (
        littoral.load(doubling([1, 2, 3])) as model,
        pytest.raises(littoral.InputError, match=complaint),
    ):
        model.stream(**arguments)


def test_wrong_data_is_refused_and_nothing_is_lost():
    content = doubling([1, FRAMES, COEFFICIENTS], [MFCC])
    with littoral.load(content) as model, model.stream(hop=1) as windows:
        windows.feed(signal(100))
        with pytest.raises(littoral.InputError, match="8000 Hz, came 44100 Hz"):
            windows.feed((44100, signal()))
        with pytest.raises(littoral.InputError, match="NaN"):
            windows.feed(np.full(10, np.nan))
        with pytest.raises(littoral.InputError, match="step does not go on from feed: reset"):
            windows.step(np.zeros((1, COEFFICIENTS)))
        assert windows.feed(np.zeros(0)).shape == (0, FRAMES, COEFFICIENTS)
        windows.reset()
        with pytest.raises(littoral.InputError, match=r"a row \[13\] or several \[n, 13\]"):
            windows.step(np.zeros((2, 3)))
    with littoral.load(doubling([1, 2, 3])) as model:
        windows = model.stream(hop=1)
        with pytest.raises(littoral.InputError, match="no preprocessing: use step"):
            windows.feed([1, 2, 3])


def test_what_is_closed_says_so():
    model = littoral.load(doubling([1, 2, 3]))
    windows, others = model.stream(hop=1), model.stream(hop=1)
    windows.close()
    with pytest.raises(littoral.EngineError, match="closed"):
        windows.step(np.zeros(3))
    model.close()
    with pytest.raises(littoral.EngineError, match="closed"):
        others.step(np.zeros(3))


def test_several_inputs_have_no_windows():
    content = write(
        [("a", "float32", [1, 2]), ("b", "float32", [1, 2])],
        [("y", "float32", [1, 2])],
        [("Add", ["a", "b"], ["y"], {})],
    )
    with (
        littoral.load(content) as model,
        pytest.raises(littoral.InputError, match=r"several inputs \(a, b\)"),
    ):
        model.stream(hop=1)
